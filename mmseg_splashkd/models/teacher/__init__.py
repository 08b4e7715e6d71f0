"""The frozen teacher, and conditions on it."""

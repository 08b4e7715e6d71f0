"""The frozen teacher, and the conditions it must meet."""

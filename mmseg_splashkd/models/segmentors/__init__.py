"""Segmentors, and what the losses compare of them."""

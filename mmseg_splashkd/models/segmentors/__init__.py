"""Segmentors, and the outputs that losses compare."""

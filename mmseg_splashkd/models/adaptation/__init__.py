"""Adaptation of a segmentor to frames of another camera, which have no labels."""

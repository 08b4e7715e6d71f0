"""Rasterised outlines: a pixel belongs to a shape if its centre lies inside."""

from math import cos, radians, sin

import numpy as np
from numpy.typing import ArrayLike

Size = tuple[int, int]  # (W, H) in pixels


def polygon_mask(points: ArrayLike, size: Size) -> np.ndarray:
    """Rasterise a closed polygon by the nonzero winding rule, as a browser fills it.

    Args:
        points: At least three points (x, y) in pixels; (0, 0) is the upper left corner
            of the image.
        size: (W, H) of the image.

    Returns:
        (H, W) bool.
    """
    width, height = size
    corners = np.asarray(points, float)
    turns = np.zeros((height, width + 1), np.int32)
    rows = np.arange(height) + 0.5
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crossed = np.flatnonzero((rows >= min(y0, y1)) & (rows < max(y0, y1)))
        if len(crossed):
            x = x0 + (rows[crossed] - y0) * (x1 - x0) / (y1 - y0)
            columns = np.clip(np.ceil(x - 0.5), 0, width).astype(int)
            turns[crossed, columns] += 1 if y1 > y0 else -1
    return turns.cumsum(axis=1)[:, :width] != 0


def rectangle_mask(
    corner: tuple[float, float],
    width: float,
    height: float,
    rotation: float,
    size: Size,
) -> np.ndarray:
    """Rasterise a rectangle that is rotated about its upper left corner.

    Args:
        corner: The upper left corner before the rotation, (x, y) in pixels.
        width: Width before the rotation, in pixels.
        height: Height before the rotation, in pixels.
        rotation: Angle in degrees, clockwise.
        size: (W, H) of the image.

    Returns:
        (H, W) bool.
    """
    along, across = _turned_back(corner, rotation, size)
    return (along >= 0) & (along < width) & (across >= 0) & (across < height)


def ellipse_mask(
    centre: tuple[float, float],
    radii: tuple[float, float],
    rotation: float,
    size: Size,
) -> np.ndarray:
    """Rasterise an ellipse that is rotated about its centre.

    Args:
        centre: (x, y) in pixels.
        radii: Radii along x and y before the rotation, above 0, in pixels.
        rotation: Angle in degrees, clockwise.
        size: (W, H) of the image.

    Returns:
        (H, W) bool.
    """
    along, across = _turned_back(centre, rotation, size)
    return (along / radii[0]) ** 2 + (across / radii[1]) ** 2 <= 1


def _turned_back(
    anchor: tuple[float, float], rotation: float, size: Size
) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) coordinates of the pixel centres in the frame of the rotated shape."""
    x = np.arange(size[0])[None] + 0.5 - anchor[0]
    y = np.arange(size[1])[:, None] + 0.5 - anchor[1]
    angle = radians(rotation)
    return x * cos(angle) + y * sin(angle), y * cos(angle) - x * sin(angle)

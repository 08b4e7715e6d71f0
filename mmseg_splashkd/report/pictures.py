"""Frames painted with classes or errors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.label_coding import IGNORE

# Orange and blue differ for every kind of colour blindness.
MISSED, FALSE_ALARM, HIT = (230, 97, 0), (64, 176, 255), (240, 240, 240)
OPACITY = 0.6
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601

Color = tuple[int, int, int]


def read_rgb(path: str | Path) -> np.ndarray:
    """Read a frame as (H, W, 3) uint8 RGB."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def gray_of(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) float luma of an (H, W, 3) RGB image."""
    return np.repeat((image @ np.array(LUMA))[..., None], 3, axis=-1)


def paint_classes(
    image: np.ndarray, train_ids: np.ndarray, palette: Sequence[Color]
) -> np.ndarray:
    """Blend the class colours over the gray frame.

    Args:
        image: (H, W, 3) uint8 RGB.
        train_ids: (H, W) trainIds; ignored pixels (255) stay gray.
        palette: One (R, G, B) in [0, 255] per class.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    gray = gray_of(image)
    colors = np.zeros((256, 3))
    colors[: len(palette)] = palette
    blend = (1 - OPACITY) * gray + OPACITY * colors[train_ids]
    painted = np.where((train_ids == IGNORE)[..., None], gray, blend)
    return painted.round().astype(np.uint8)


def paint_errors(
    image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, focus: int
) -> np.ndarray:
    """Mark hits, misses and false alarms of a prediction.

    Args:
        image: (H, W, 3) uint8 RGB.
        truth: (H, W) trainIds; ignored pixels (255) are no errors.
        prediction: (H, W) trainIds.
        focus: trainId of the focus class.

    Returns:
        (H, W, 3) uint8 RGB: ``MISSED``, ``FALSE_ALARM`` and ``HIT`` pixels in their
        colours, all others the dimmed gray frame.
    """
    painted = (gray_of(image) / 2).round().astype(np.uint8)
    labelled = truth == focus
    predicted = (prediction == focus) & (truth != IGNORE)
    painted[labelled & predicted] = HIT
    painted[labelled & ~predicted] = MISSED
    painted[~labelled & predicted] = FALSE_ALARM
    return painted

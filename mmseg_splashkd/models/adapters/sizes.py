"""Frames of any size, for networks that take multiples of a number only."""

import math

from torch import Tensor
from torch.nn import functional as F


def pad_to_multiple(images: Tensor, divisor: int) -> Tensor:
    """Pad at the right and the bottom with 0, the mean colour of normalised images.

    Args:
        images: (B, C, H, W).
        divisor: Height and width of the result are its multiples.
    """
    height, width = images.shape[-2:]
    bottom, right = -height % divisor, -width % divisor
    return F.pad(images, (0, right, 0, bottom)) if bottom or right else images


def cut_to(maps: Tensor, size: tuple[int, int], padded: tuple[int, int]) -> Tensor:
    """Cut off the part of maps that shows the padding of their images.

    Args:
        maps: (B, C, h, w) of padded images.
        size: (H, W) of the images before padding.
        padded: (H, W) of the padded images.
    """
    height, width = (
        math.ceil(length * own / full)
        for length, own, full in zip(size, maps.shape[-2:], padded, strict=True)
    )
    return maps[..., :height, :width]

"""Frames of any size, for networks that take multiples of a number only."""

import math

from torch import Tensor
from torch.nn import functional as F

Size = tuple[int, int]


def rounded_up(size: Size, divisor: int) -> Size:
    """The next (H, W) that are multiples of a number."""
    height, width = (math.ceil(length / divisor) * divisor for length in size)
    return height, width


def pad_to(images: Tensor, size: Size) -> Tensor:
    """Pad at the right and the bottom with 0, the mean colour of normalised images.

    Args:
        images: (B, C, H, W).
        size: (H, W) of the result.
    """
    height, width = images.shape[-2:]
    if (height, width) == size:
        return images
    return F.pad(images, (0, size[1] - width, 0, size[0] - height))


def cut_to(maps: Tensor, size: Size, padded: Size) -> Tensor:
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

"""Position embeddings of a feature map, (C, H, W), computed in float64."""

from functools import lru_cache

import torch
from torch import Tensor

BASE = 10000.0


def sinusoid(positions: Tensor, channels: int) -> Tensor:
    """Absolute sinusoid of "Attention Is All You Need" (Vaswani et al., 2017, 3.5).

    Channel 2i holds ``sin(p / 10000^(2i/C))``, channel 2i + 1 the cosine of the same
    angle. It is computed in float64: the error of float32 reaches 4e-3 at the end of a
    long sequence.

    Args:
        positions: (L,) positions p >= 0.
        channels: C, even.

    Returns:
        (L, C) float64 values in [-1, 1].

    Raises:
        ValueError: ``channels`` is odd or not positive.
    """
    if channels < 2 or channels % 2:
        raise ValueError(f"channels must be even and positive, got {channels}")
    exponents = torch.arange(0, channels, 2, dtype=torch.float64) / channels
    angles = positions.double()[:, None] / BASE**exponents
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def sine1d(channels: int, height: int, width: int) -> Tensor:
    """Sinusoid of the H*W positions as one row-major sequence: the original embedding.

    Returns:
        (C, H, W) float64. For 256x256x256: mean 0.009, std 0.707.
    """
    sequence = sinusoid(torch.arange(height * width), channels)
    return sequence.T.reshape(channels, height, width)


def sine2d(channels: int, height: int, width: int) -> Tensor:
    """Sinusoids of the row (first half of the channels) and the column (second half).

    Returns:
        (C, H, W) float64. For 256x256x256: mean 0.30, std 0.64.

    Raises:
        ValueError: ``channels`` is not a multiple of 4.
    """
    if channels % 4:
        raise ValueError(f"sine2d needs channels divisible by 4, got {channels}")
    half = channels // 2
    rows = sinusoid(torch.arange(height), half).T[:, :, None].expand(-1, -1, width)
    columns = sinusoid(torch.arange(width), half).T[:, None, :].expand(-1, height, -1)
    return torch.cat([rows, columns])


SINUSOIDS = {"sine1d": sine1d, "sine2d": sine2d}


@lru_cache(maxsize=8)
def cached_sinusoid(
    kind: str,
    channels: int,
    height: int,
    width: int,
    device: torch.device,
    dtype: torch.dtype,
) -> Tensor:
    """Build a sinusoid once per size, device and dtype; all models share it.

    Args:
        kind: A key of ``SINUSOIDS``.
        channels: C.
        height: H of the feature map.
        width: W of the feature map.
        device: Device of the features.
        dtype: Type of the features.

    Returns:
        (C, H, W), read-only.
    """
    with torch.inference_mode(False):  # usable in training, even if a test builds it
        return SINUSOIDS[kind](channels, height, width).to(device, dtype)

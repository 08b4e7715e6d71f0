"""Precision in which losses are computed."""

from contextlib import AbstractContextManager

import torch
from torch import Tensor


def at_least_single(tensor: Tensor) -> Tensor:
    """The tensor in float32; float64 is unchanged."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def without_autocast(tensor: Tensor) -> AbstractContextManager:
    """Keep autocast from computing matrix products in half precision.

    Args:
        tensor: Any tensor on the device of the computation.
    """
    return torch.autocast(tensor.device.type, enabled=False)

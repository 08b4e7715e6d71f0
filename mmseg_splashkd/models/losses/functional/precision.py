"""In which precision the losses are computed."""

from contextlib import AbstractContextManager

import torch
from torch import Tensor


def at_least_single(tensor: Tensor) -> Tensor:
    """The tensor in float32, or as it is where it is float64."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def without_autocast(tensor: Tensor) -> AbstractContextManager:
    """Keep autocast from computing matrix products in half precision.

    Args:
        tensor: Lies on the device in question.
    """
    return torch.autocast(tensor.device.type, enabled=False)

"""Inputs of the losses, and gradients of the losses."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from tests.models.losses.oracles import numpy64


def logits_and_labels(shape: tuple[int, ...], seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random logits and labels; the first row is ignored where there are several."""
    generator = torch.Generator().manual_seed(seed)
    B, C, H, W = shape
    logits = 2 * torch.randn(shape, generator=generator)
    labels = torch.randint(C, (B, H, W), generator=generator)
    if H > 1:
        labels[:, 0] = 255
    return logits, labels


def slope(loss: Callable[[np.ndarray], float], logits: Tensor) -> np.ndarray:
    """Gradient of a float64 loss by central differences."""
    base, step = numpy64(logits), 1e-5
    gradient = np.empty_like(base)
    for index in np.ndindex(*base.shape):
        up, down = base.copy(), base.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (loss(up) - loss(down)) / (2 * step)
    return gradient


def gradient(loss: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    """Gradient of a loss by autograd."""
    logits = logits.clone().requires_grad_()
    return torch.autograd.grad(loss(logits), logits)[0]


def two_maps(
    shape: tuple[int, ...], dtype: torch.dtype = torch.float32, scale: float = 2.0
) -> tuple[Tensor, Tensor]:
    """Random logits or features (B, C, h, w) of student and teacher."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = scale * torch.randn(2, *shape, generator=generator).double()
    return student.to(dtype), teacher.to(dtype)


def extreme_maps(
    shape: tuple[int, ...], dtype: torch.dtype, limit: float = 1e4
) -> tuple[Tensor, Tensor]:
    """Like ``two_maps``, up to the limit; some zero, some at the limit."""
    student, teacher = two_maps(shape, scale=limit)
    student, teacher = student.clamp(-limit, limit), teacher.clamp(-limit, limit)
    student[..., 0, 0] = 0
    return student.to(dtype), teacher.to(dtype)

"""Compares layers in bfloat16 with float32: some builds of torch compute them wrongly.

Convolutions in bfloat16 have returned wrong numbers for rare shapes, such as 8 channels
under a kernel of 8 x 8, without an error: issues 163347 and 169688 of pytorch/pytorch.
Measured here with torch 2.13 on AMX and AVX512-BF16.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

LAYERS = (_ConvNd, nn.Linear)
# Rounding to 8 bits errs by less than 0.01 of the norm; wrong kernels by about 1.
LARGEST = 0.1


class WrongLayerError(ValueError):
    """A layer that this build of torch computes wrongly in bfloat16."""


@contextmanager
def checked_layers(network: nn.Module) -> Iterator[None]:
    """Compare every layer that runs inside with the same layer in float32.

    The outputs are compared and, of a layer that is trained, the gradients of input and
    weight. A pass takes about four times as long.

    Args:
        network: Network of which convolutions and linear layers are compared.

    Raises:
        WrongLayerError: Outputs or gradients differ by more than rounding.
    """
    handles = [
        layer.register_forward_hook(
            lambda layer, args, _, name=name: _check(name, layer, args[0])
        )
        for name, layer in network.named_modules()
        if isinstance(layer, LAYERS)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _check(name: str, layer: Any, images: Tensor) -> None:
    exact = _computed(layer, images, enabled=False)
    rounded = _computed(layer, images, enabled=True)
    for what, one, other in zip(
        ("output", "gradient of the input", "gradient of the weight"),
        exact,
        rounded,
        strict=False,  # what is not trained has no gradient of the weight
    ):
        error = float((one - other).norm() / one.norm().clamp_min(1e-12))
        if not error <= LARGEST:  # nor if it is NaN
            raise WrongLayerError(
                f"torch {torch.__version__} computes {name} ({layer}, input "
                f"{tuple(images.shape)}) wrongly in bfloat16 on this CPU: its {what} "
                f"differs from float32 by {error:.0%}, where rounding is below 1 %. "
                f"Leave out --amp (CPUAmpOptimWrapper) and teacher_precision, or "
                f"change the number of channels or the size of the kernel"
            )


def _computed(layer: Any, images: Tensor, enabled: bool) -> list[Tensor]:
    """Output and gradients of a layer, in float32."""
    trained = layer.weight.requires_grad
    with torch.enable_grad(), torch.autocast("cpu", torch.bfloat16, enabled=enabled):
        given = images.detach().float().requires_grad_(trained)
        output = layer.forward(given).float()
    if not trained:
        return [output.detach()]
    grads = torch.autograd.grad(output, (given, layer.weight), output.detach())
    return [output.detach(), *grads]

"""Parameters, multiply-accumulates and output stride of a model."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

Forward = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Complexity:
    """Cost of inference on one frame that does not depend on the machine.

    Args:
        parameters: Number of weights, those of auxiliary heads included.
        gmacs: Multiply-accumulates of matrix products and convolutions, in 1e9.
        stride: Pixels of the frame per row of the logits; fractions occur where the
            network pads.
    """

    parameters: int
    gmacs: float
    stride: float


@torch.no_grad()
def count(model: nn.Module, forward: Forward, frame: Tensor) -> Complexity:
    """Count what a model computes for one frame.

    On the device ``meta`` nothing is computed, and a frame of any size takes a moment.

    Args:
        model: The model; put into evaluation mode.
        forward: Its forward pass: (1, C, H, W) frame -> (1, classes, h, w) logits.
        frame: (1, C, H, W), on the device of the model.
    """
    model.eval()
    with FlopCounterMode(display=False) as counter:
        logits = forward(frame)
    return Complexity(
        parameters=sum(weight.numel() for weight in model.parameters()),
        gmacs=counter.get_total_flops() / 2e9,  # a multiply-accumulate is two FLOPs
        stride=frame.shape[-2] / logits.shape[-2],
    )

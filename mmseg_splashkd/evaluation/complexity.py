"""Computational cost of a model."""

import statistics
import time
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Complexity:
    """Cost of inference on one frame.

    Args:
        parameters: Number of weights.
        gmacs: Multiply-accumulates of matrix products and convolutions, in 1e9.
        ms_per_frame: Median time of a forward pass with batch size 1, milliseconds.
    """

    parameters: int
    gmacs: float
    ms_per_frame: float


@torch.no_grad()
def measure(model: nn.Module, size: tuple[int, int], repeats: int = 15) -> Complexity:
    """Count and time ``model`` on one (1, 3, H, W) frame, on the model's device.

    Args:
        model: A segmentor; pre- and postprocessing are not measured.
        size: (H, W) in pixels.
        repeats: Number of timed passes, >= 1, after one warm-up pass.
    """
    model = model.eval()
    device = next(model.parameters()).device
    frame = torch.zeros(1, 3, *size, device=device)
    with FlopCounterMode(display=False) as counter:
        model(frame, mode="tensor")
    times = [_time(model, frame) for _ in range(repeats)]
    return Complexity(
        parameters=sum(weight.numel() for weight in model.parameters()),
        gmacs=counter.get_total_flops() / 2e9,  # a multiply-accumulate is two FLOPs
        ms_per_frame=1000 * statistics.median(times),
    )


def _time(model: nn.Module, frame: torch.Tensor) -> float:
    start = time.perf_counter()
    model(frame, mode="tensor")
    if frame.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start

"""The network of a segmentor on one frame, without pre- and postprocessing."""

from typing import Any

import torch
from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor

from mmseg_splashkd.evaluation.complexity import Complexity, Forward, count
from mmseg_splashkd.evaluation.interleaved import Pass
from mmseg_splashkd.models.segmentors.outputs import forward_outputs

RGB = 3


def forward_pass(model: Any) -> Forward:
    """The forward pass of a segmentor: (1, C, H, W) -> (1, classes, h, w) logits."""
    if isinstance(model, EncoderDecoder):  # whose own pass knows no cascade of heads
        return lambda images: forward_outputs(model, images).logits
    return lambda images: model(images, mode="tensor")


def blank_frame(model: Any, size: tuple[int, int]) -> Tensor:
    """A (1, C, H, W) frame of zeros, with the channels the model normalises.

    Args:
        model: A segmentor; without a mean in its preprocessing, frames have 3 channels.
        size: (H, W) in pixels.
    """
    mean = getattr(model.data_preprocessor, "mean", None)
    channels = RGB if mean is None else mean.numel()
    device = next(model.parameters()).device
    return torch.zeros(1, channels, *size, device=device)


def count_segmentor(model: Any, size: tuple[int, int]) -> Complexity:
    """Count what a segmentor computes for a frame; see ``complexity.count``.

    Args:
        model: A segmentor, on any device.
        size: (H, W) of the frame in pixels.
    """
    return count(model, forward_pass(model), blank_frame(model, size))


def timed_pass(model: Any, size: tuple[int, int]) -> Pass:
    """One forward pass on a frame, for ``time_in_turn``.

    Args:
        model: A segmentor; put into evaluation mode.
        size: (H, W) of the frame in pixels.
    """
    model.eval()
    forward, frame = forward_pass(model), blank_frame(model, size)

    def run() -> None:
        with torch.inference_mode():
            forward(frame)
        if frame.is_cuda:
            torch.cuda.synchronize()

    return run

"""Pixel accuracy at the resolution of logits."""

import torch
from torch import Tensor
from torch.nn import functional as F


def downsampled(labels: Tensor, size: torch.Size) -> Tensor:
    """Labels (B, H, W) at the logits' resolution, each from the nearest pixel."""
    small = F.interpolate(labels[:, None].float(), size, mode="nearest-exact")
    return small.squeeze(1).long()


def pixel_accuracy(logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
    """Percentage of valid pixels (B, h, w) whose argmax is their label."""
    valid = labels != ignore_index
    correct = (logits.argmax(1) == labels) & valid
    return 100 * correct.sum() / valid.sum().clamp_min(1)

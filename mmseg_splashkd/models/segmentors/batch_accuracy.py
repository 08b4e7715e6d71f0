"""Pixel accuracies of a training batch, whose first line reveals a wrong teacher."""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.segmentors.outputs import SegOutputs


def accuracies(
    student: SegOutputs, teacher: SegOutputs | None, labels: Tensor, ignore_index: int
) -> dict[str, Tensor]:
    """Percentages of valid pixels whose class is right.

    Args:
        student: Logits (B, C, h, w).
        teacher: Logits (B, C, h, w); None if it does not run.
        labels: (B, H, W) in [0, C) or ``ignore_index``.
        ignore_index: Label of pixels that are left out.
    """
    small = _downsampled(labels, student.logits.shape[-2:])
    percent = {"acc_student": _pixel_accuracy(student.logits, small, ignore_index)}
    if teacher is not None:
        percent["acc_teacher"] = _pixel_accuracy(teacher.logits, small, ignore_index)
    return percent


def _downsampled(labels: Tensor, size: torch.Size) -> Tensor:
    """Labels (B, H, W) at the logits' resolution, each from the nearest pixel."""
    small = F.interpolate(labels[:, None].float(), size, mode="nearest-exact")
    return small.squeeze(1).long()


def _pixel_accuracy(logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
    """Percentage of valid pixels (B, h, w) whose argmax is their label."""
    valid = labels != ignore_index
    correct = (logits.argmax(1) == labels) & valid
    return 100 * correct.sum() / valid.sum().clamp_min(1)

"""Pixel accuracies of a training batch, whose first line reveals a wrong teacher."""

from torch import Tensor

from mmseg_splashkd.models.segmentors.outputs import SegOutputs
from mmseg_splashkd.models.teacher.labels import downsampled


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
    small = downsampled(labels, student.logits.shape[-2:])
    percent = {"acc_student": _pixel_accuracy(student.logits, small, ignore_index)}
    if teacher is not None:
        percent["acc_teacher"] = _pixel_accuracy(teacher.logits, small, ignore_index)
    return percent


def _pixel_accuracy(logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
    """Percentage of valid pixels (B, h, w) whose argmax is their label."""
    valid = labels != ignore_index
    correct = (logits.argmax(1) == labels) & valid
    return 100 * correct.sum() / valid.sum().clamp_min(1)

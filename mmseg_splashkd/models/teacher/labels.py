"""Labels in the place of a teacher: what a distillation loss does without one."""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.logit_terms import LogitMSELoss
from mmseg_splashkd.models.losses.term import DistillTerm
from mmseg_splashkd.models.segmentors.outputs import FILL, SegOutputs

LABELS = "labels"  # value of ``teacher``
# Of the label's logit over the others: in float32 a softmax at T is exactly one-hot for
# every T up to 96, as exp(-104) is 0.
ONE_HOT = 1e4


class LabelTeacher:
    """One-hot labels as logits (B, C, h, w), at the student's resolution.

    The logit of the label is the margin, the others are 0. By default the margin is so
    large that at any temperature in use the softmax over classes is the one-hot label,
    and that over the pixels of a channel uniform on the pixels of its class, or on all
    valid ones if there is none. A smaller margin M is a label smoothed by
    1 / (1 + e^M / (C - 1)), which T softens further.

    Of each logit, the label is that of the nearest pixel: an average would not be a
    label. Ignored pixels have no answer and are left out (``SegOutputs.valid``).

    Args:
        num_classes: C.
        one_channel: Whether the student has one logit for two classes. Its logits are
            (0, z), and so are the labels': z is the margin, or minus it.
        ignore_index: Label of pixels without an answer.
        margin: M > 0; default None: one-hot at any temperature.

    Raises:
        ValueError: ``margin`` is not a number in (0, ``ONE_HOT``].
    """

    def __init__(
        self,
        num_classes: int,
        one_channel: bool = False,
        ignore_index: int = 255,
        margin: float | None = None,
    ) -> None:
        if margin is not None and not (
            isinstance(margin, int | float)
            and not isinstance(margin, bool)
            and 0 < margin <= ONE_HOT
        ):
            raise ValueError(
                f"label_margin must be a number in (0, {ONE_HOT:g}], got {margin!r}; "
                f"leave it out for labels that are one-hot at any temperature"
            )
        self.num_classes = num_classes
        self.one_channel = one_channel
        self.ignore_index = ignore_index
        self.margin = margin

    def check_terms(self, terms: list[DistillTerm], fitted: bool) -> None:
        """Check that every term can compare a student with labels.

        Args:
            terms: The terms of the loss.
            fitted: Whether a term needs the temperature fitted to the teacher.

        Raises:
            ValueError: A term compares features, needs a fitted temperature, or the
                size of logits where no ``label_margin`` gives it.
        """
        if fitted:
            raise ValueError(
                f"temperature='fitted' is fitted to a teacher, and teacher={LABELS!r} "
                f"has none: give a number"
            )
        for term in terms:
            if isinstance(term, LogitMSELoss) and self.margin is None:
                raise ValueError(
                    "LogitMSELoss compares the size of logits, which labels do not "
                    "have: set model.label_margin, the logit of the label over the "
                    "others, such as 10, or take KLDLoss"
                )

    def __call__(self, labels: Tensor, size: torch.Size) -> SegOutputs:
        """Outputs for (B, H, W) labels, at the size (h, w) of the student's logits."""
        small = downsampled(labels, size)
        valid = small != self.ignore_index
        truth = torch.where(valid, small, 0)
        one_hot = F.one_hot(truth, self.num_classes).movedim(-1, 1).float()
        logits = (ONE_HOT if self.margin is None else self.margin) * one_hot
        if self.one_channel:
            logits = logits - logits[:, :1]
        return SegOutputs(torch.where(valid[:, None], logits, FILL), valid=valid)


def downsampled(labels: Tensor, size: torch.Size) -> Tensor:
    """Labels (B, H, W) at the logits' resolution, each from the nearest pixel."""
    small = F.interpolate(labels[:, None].float(), size, mode="nearest-exact")
    return small.squeeze(1).long()

"""One distillation term: what every loss between teacher and student shares."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional.precision import at_least_single
from mmseg_splashkd.models.losses.schedule import schedule_of
from mmseg_splashkd.models.segmentors.outputs import SegOutputs, Tap, check_tap

Weight = float | Mapping[str, Any]


class DistillTerm(nn.Module):
    """A loss between answers of teacher and student; see ``FocalModulatedKDLoss``.

    Args:
        weight: Factor >= 0 of the loss, a number or a ``Schedule``.
        name: Key in the log; by default the class's own.
        modulate: Whether the focal modulation of the whole applies to this term.

    Raises:
        ValueError: ``weight`` is neither.
    """

    short_name: ClassVar[str]
    # Whether a number added to all logits of a pixel changes nothing: then, for two
    # classes, the margin is all there is to know.
    shift_invariant: ClassVar[bool] = False

    def __init__(
        self, weight: Weight = 1.0, name: str | None = None, modulate: bool = True
    ) -> None:
        super().__init__()
        self.name = name or self.short_name
        self.weight = schedule_of(weight, f"weight of {self.name}")
        self.modulate = modulate

    def check(self, num_classes: int) -> None:
        """Refuse a class count that the loss cannot see.

        Raises:
            ValueError: It would teach nothing, or something else.
        """

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss, a scalar, of (B, C, h, w) tensors at the taps and (B, H, W) labels."""
        raise NotImplementedError

    def forward(
        self, student: SegOutputs, teacher: SegOutputs, labels: Tensor
    ) -> Tensor:
        """Loss of two answers, unweighted, a scalar."""
        return self.compare(student.logits, teacher.logits, labels)


class FeatureTerm(DistillTerm):
    """A term on features; those of the teacher are resized to the student's size.

    Args:
        tap: Where the student is tapped: ``'fused'`` (what its classifier sees),
            ``'logits'``, or the number of a stage of its backbone, from 0.
        teacher_tap: Where the teacher is; by default at the same.
        **kwargs: Of ``DistillTerm``.

    Raises:
        ValueError: A tap is none.
    """

    def __init__(
        self, tap: Tap = "fused", teacher_tap: Tap | None = None, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.tap = check_tap(tap, f"tap of {self.name}")
        other = tap if teacher_tap is None else teacher_tap
        self.teacher_tap = check_tap(other, f"teacher_tap of {self.name}")

    @property
    def taps(self) -> tuple[Tap, Tap]:
        """Where student and teacher are tapped."""
        return self.tap, self.teacher_tap

    def connect(self, student_channels: int | None, teacher_channels: int | None):
        """Build what the channel counts at the taps ask for; None: a model tells none.

        Raises:
            ValueError: A count is needed and not known.
        """

    def forward(
        self, student: SegOutputs, teacher: SegOutputs, labels: Tensor
    ) -> Tensor:
        """Loss of two answers, unweighted, a scalar."""
        seen, taught = student.at(self.tap), teacher.at(self.teacher_tap)
        if seen.shape[-2:] != taught.shape[-2:]:
            taught = F.interpolate(
                at_least_single(taught),
                seen.shape[-2:],
                mode="bilinear",
                align_corners=False,
            )
        return self.compare(seen, taught, labels)

"""Base classes of distillation terms: losses between student and teacher."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional.precision import at_least_single
from mmseg_splashkd.models.losses.schedule import schedule_of
from mmseg_splashkd.models.segmentors.outputs import SegOutputs, Tap, check_tap

Weight = float | Mapping[str, Any]


class DistillTerm(nn.Module):
    """A loss between the outputs of student and teacher; see ``FocalModulatedKDLoss``.

    Args:
        weight: Factor >= 0 of the loss, a number or a ``Schedule``; default 1.
        name: Key in the log; default: ``short_name`` of the class. It must not contain
            ``loss``, because mmengine adds every such key to the total.
        modulate: Whether the focal modulation applies to this term; default True.

    Raises:
        ValueError: ``weight`` is neither a number >= 0 nor a schedule, or ``name``
            contains ``loss``.
    """

    short_name: ClassVar[str]
    # Whether the loss does not change if one number is added to all logits of a pixel.
    # For two classes, the margin of the logits is then sufficient.
    shift_invariant: ClassVar[bool] = False
    # Whether the loss depends on the labels.
    uses_labels: ClassVar[bool] = False
    # Smallest and largest class count with a gradient, for default arguments; None for
    # no limit.
    min_classes: ClassVar[int] = 1
    max_classes: ClassVar[int | None] = None

    def __init__(
        self, weight: Weight = 1.0, name: str | None = None, modulate: bool = True
    ) -> None:
        super().__init__()
        self.name = name or self.short_name
        if "loss" in self.name:
            raise ValueError(
                f"name={self.name!r} of {type(self).__name__} contains 'loss', so that "
                f"mmengine would add the unweighted term to the total once more: take "
                f"another name, such as {self.short_name!r}"
            )
        self.weight = schedule_of(weight, f"weight of {self.name}")
        self.modulate = modulate

    def check_num_classes(self, num_classes: int) -> None:
        """Check that the loss has a gradient for a class count.

        Raises:
            ValueError: The loss has no gradient for that count, or is not defined for
                it.
        """

    def set_ignore_index(self, head: Any) -> None:
        """Adopt the ignored label of the student's decode head, if the loss has one.

        Raises:
            ValueError: The loss is configured with another one.
        """

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss, a scalar, of (B, C, h, w) tensors at the taps and (B, H, W) labels."""
        raise NotImplementedError

    def forward(
        self, student: SegOutputs, teacher: SegOutputs, labels: Tensor
    ) -> Tensor:
        """Unweighted loss of the outputs of student and teacher, a scalar."""
        return self.compare(student.logits, teacher.logits, labels)


class FeatureTerm(DistillTerm):
    """A term on features; the teacher's are resized to the student's size.

    Args:
        tap: Compared features of the student: ``'fused'`` (default; the input of its
            classifier), ``'logits'``, or the index of a backbone stage, from 0.
        teacher_tap: Compared features of the teacher; default: ``tap``.
        **kwargs: Arguments of ``DistillTerm``.

    Raises:
        ValueError: A tap has another value.
    """

    def __init__(
        self, tap: Tap = "fused", teacher_tap: Tap | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.tap = check_tap(tap, f"tap of {self.name}")
        other = tap if teacher_tap is None else teacher_tap
        self.teacher_tap = check_tap(other, f"teacher_tap of {self.name}")

    @property
    def taps(self) -> tuple[Tap, Tap]:
        """Taps of student and teacher."""
        return self.tap, self.teacher_tap

    def bind_channels(self, student_channels: int | None, teacher_channels: int | None):
        """Check the channel counts at the taps, and build a projector if needed.

        Args:
            student_channels: Count at ``tap``; None if no head of the student specifies
                it.
            teacher_channels: Count at ``teacher_tap``; None if no head of the teacher
                specifies it.

        Raises:
            ValueError: A count is needed and unknown, or has no gradient.
        """

    def forward(
        self, student: SegOutputs, teacher: SegOutputs, labels: Tensor
    ) -> Tensor:
        """Unweighted loss of the outputs of student and teacher, a scalar."""
        features, compared = student.at(self.tap), teacher.at(self.teacher_tap)
        if features.shape[-2:] != compared.shape[-2:]:
            compared = F.interpolate(
                at_least_single(compared),
                features.shape[-2:],
                mode="bilinear",
                align_corners=False,
            )
        return self.compare(features, compared, labels)

"""Distillation terms on features: ``functional.features`` as registered losses."""

from typing import ClassVar

from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_splashkd.models.losses import functional
from mmseg_splashkd.models.losses.arguments import check_count, check_positive
from mmseg_splashkd.models.losses.functional.precision import without_autocast
from mmseg_splashkd.models.losses.term import FeatureTerm


def check_directions(loss: FeatureTerm, *channels: int | None) -> None:
    """Refuse one channel, such as the logits of one class.

    Raises:
        ValueError: A count of channels is 1.
    """
    if 1 in channels:
        raise ValueError(
            f"{type(loss).__name__} is blind at taps {loss.taps}, one of which has 1 "
            f"channel: it compares cosines, and those are then 1 or -1. Choose another "
            f"tap, or take FeatureMSELoss or AttentionTransferLoss"
        )


class CosineTerm(FeatureTerm):
    """A term on cosines within each network: channel counts may differ, 1 is blind."""

    def connect(
        self, student_channels: int | None, teacher_channels: int | None
    ) -> None:
        """Refuse one channel.

        Raises:
            ValueError: A count is 1.
        """
        check_directions(self, student_channels, teacher_channels)


@MODELS.register_module()
class SKDLoss(CosineTerm):
    """``functional.pairwise_similarity`` as a term.

    Args:
        nodes: Largest number of pooled patches along a side.
        **kwargs: Of ``FeatureTerm``.

    Raises:
        ValueError: ``nodes`` is no whole number >= 1.
    """

    short_name: ClassVar[str] = "skd"

    def __init__(self, nodes: int = 16, **kwargs) -> None:
        super().__init__(**kwargs)
        self.nodes = check_count(nodes, "nodes")

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C_s, h, w) and (B, C_t, h, w), a scalar; without labels."""
        return functional.pairwise_similarity(student, teacher, self.nodes)


@MODELS.register_module()
class IFVDLoss(CosineTerm):
    """``functional.intra_class_variation`` as a term.

    Args:
        ignore_index: Label of pixels that do not count.
        **kwargs: Of ``FeatureTerm``.
    """

    short_name: ClassVar[str] = "ifvd"

    def __init__(self, ignore_index: int = 255, **kwargs) -> None:
        super().__init__(**kwargs)
        self.ignore_index = ignore_index

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C_s, h, w), (B, C_t, h, w) and labels (B, H, W), a scalar."""
        return functional.intra_class_variation(
            student, teacher, labels, self.ignore_index
        )


@MODELS.register_module()
class CIRKDLoss(CosineTerm):
    """``functional.cross_image_relation`` as a term.

    Args:
        temperature: T > 0 of the softmax over the pixels of an image.
        size: Features are averaged to at most size x size patches; the loss holds a few
            times (B size^2)^2 numbers.
        **kwargs: Of ``FeatureTerm``.

    Raises:
        ValueError: An argument is out of its range.
    """

    short_name: ClassVar[str] = "cirkd"

    def __init__(self, temperature: float = 0.1, size: int = 16, **kwargs) -> None:
        super().__init__(**kwargs)
        self.temperature = check_positive(temperature, "temperature")
        self.size = check_count(size, "size")

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C_s, h, w) and (B, C_t, h, w), a scalar; without labels."""
        return functional.cross_image_relation(
            student, teacher, self.temperature, self.size
        )


class ProjectedTerm(FeatureTerm):
    """A term on features channel by channel, the student's projected where they differ.

    The projector is a 1x1 convolution of the student's features to the teacher's number
    of channels, as in FitNets (Romero et al., ICLR 2015); it learns with the student.

    Args:
        student_channels: Number at ``tap``, where the student's heads do not tell it.
        teacher_channels: Number at ``teacher_tap``, likewise.
        **kwargs: Of ``FeatureTerm``.

    Raises:
        ValueError: A count is no whole number >= 1.
    """

    projector: nn.Conv2d | None

    def __init__(
        self,
        student_channels: int | None = None,
        teacher_channels: int | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.given = {
            "student_channels": student_channels,
            "teacher_channels": teacher_channels,
        }
        for argument, count in self.given.items():
            if count is not None:
                check_count(count, argument)
        self.projector = None

    def connect(
        self, student_channels: int | None, teacher_channels: int | None
    ) -> None:
        """Build the projector, where the numbers of channels differ.

        Args:
            student_channels: What the student tells; None: nothing.
            teacher_channels: What the teacher tells.

        Raises:
            ValueError: A number is neither told nor given, or both and not the same.
        """
        seen = self._count("student_channels", student_channels, self.tap)
        taught = self._count("teacher_channels", teacher_channels, self.teacher_tap)
        self.projector = None if seen == taught else nn.Conv2d(seen, taught, 1)

    def _count(self, argument: str, told: int | None, tap: int | str) -> int:
        given = self.given[argument]
        if given is None and told is None:
            raise ValueError(
                f"{type(self).__name__} needs the number of channels at tap {tap!r}, "
                f"and no head of the {argument.partition('_')[0]} tells it: pass "
                f"{argument}= to the term"
            )
        if None not in (given, told) and given != told:
            raise ValueError(
                f"{type(self).__name__}: {argument}={given}, but the model has {told} "
                f"channels at tap {tap!r}: leave {argument} out"
            )
        return given or told or 0

    def project(self, student: Tensor) -> Tensor:
        """(B, C_s, h, w) -> (B, C_t, h, w)."""
        if self.projector is None:
            return student
        with without_autocast(student):
            return self.projector(student.to(self.projector.weight.dtype))


@MODELS.register_module()
class FeatureMSELoss(ProjectedTerm):
    """``functional.feature_mse`` as a term, after a projector: FitNets.

    Args:
        **kwargs: Of ``ProjectedTerm`` and ``FeatureTerm``.
    """

    short_name: ClassVar[str] = "feature_mse"

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C_s, h, w) and (B, C_t, h, w), a scalar; without labels."""
        return functional.feature_mse(self.project(student), teacher)


@MODELS.register_module()
class FeatureCosineLoss(ProjectedTerm):
    """``functional.feature_cosine`` as a term, after a projector.

    Args:
        **kwargs: Of ``ProjectedTerm`` and ``FeatureTerm``.
    """

    short_name: ClassVar[str] = "feature_cosine"

    def connect(
        self, student_channels: int | None, teacher_channels: int | None
    ) -> None:
        """Build the projector, where the numbers of channels differ.

        Raises:
            ValueError: As of ``ProjectedTerm``; or the teacher has one channel.
        """
        super().connect(student_channels, teacher_channels)
        check_directions(self, teacher_channels, self.given["teacher_channels"])

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C_s, h, w) and (B, C_t, h, w), a scalar; without labels."""
        return functional.feature_cosine(self.project(student), teacher)


@MODELS.register_module()
class AttentionTransferLoss(FeatureTerm):
    """``functional.attention_transfer`` as a term; channel counts may differ.

    It compares how much there is at a pixel, not what: at ``tap='logits'`` it does not
    tell one class from another.

    Args:
        **kwargs: Of ``FeatureTerm``.
    """

    short_name: ClassVar[str] = "at"

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C_s, h, w) and (B, C_t, h, w), a scalar; without labels."""
        return functional.attention_transfer(student, teacher)

"""Distillation terms on features: ``functional.features`` as registered losses."""

from typing import Any, ClassVar

from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_splashkd.models.losses import functional
from mmseg_splashkd.models.losses.arguments import check_count, check_positive
from mmseg_splashkd.models.losses.functional.precision import without_autocast
from mmseg_splashkd.models.losses.head_settings import IGNORE_INDEX, ignore_index_of
from mmseg_splashkd.models.losses.term import FeatureTerm


def check_several_channels(loss: FeatureTerm, *channels: int | None) -> None:
    """Check that features have more than one channel.

    Raises:
        ValueError: A channel count is 1, such as that of one-class logits.
    """
    if 1 in channels:
        raise ValueError(
            f"{type(loss).__name__} has no gradient at taps {loss.taps}, one of which "
            f"has 1 channel: it compares cosines, which are then 1 or -1. Choose "
            f"another tap, or take FeatureMSELoss or AttentionTransferLoss"
        )


class CosineTerm(FeatureTerm):
    """A term on cosines within each network; channel counts may differ, but not be 1.

    Args:
        **kwargs: Arguments of ``FeatureTerm``.
    """

    def bind_channels(
        self, student_channels: int | None, teacher_channels: int | None
    ) -> None:
        """Check that there is more than one channel.

        Raises:
            ValueError: A count is 1.
        """
        check_several_channels(self, student_channels, teacher_channels)


@MODELS.register_module()
class SKDLoss(CosineTerm):
    """``functional.pairwise_similarity`` as a term.

    Args:
        nodes: Largest number of pooled patches along a side, >= 1; default 16.
        **kwargs: Arguments of ``FeatureTerm``.

    Raises:
        ValueError: ``nodes`` is not a whole number >= 1.
    """

    short_name: ClassVar[str] = "skd"

    def __init__(self, nodes: int = 16, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.nodes = check_count(nodes, "nodes")

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C_s, h, w) and (B, C_t, h, w), a scalar; no labels used."""
        return functional.pairwise_similarity(student, teacher, self.nodes)


@MODELS.register_module()
class IFVDLoss(CosineTerm):
    """``functional.intra_class_variation`` as a term.

    Args:
        ignore_index: Label of pixels that are excluded; default: ``ignore_index`` of
            the student's decode head.
        **kwargs: Arguments of ``FeatureTerm``.
    """

    short_name: ClassVar[str] = "ifvd"
    uses_labels: ClassVar[bool] = True

    def __init__(self, ignore_index: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.configured_ignore_index = ignore_index
        self.ignore_index = IGNORE_INDEX if ignore_index is None else ignore_index

    def set_ignore_index(self, head: Any) -> None:
        """Adopt the ignored label of the student's decode head.

        Raises:
            ValueError: ``ignore_index`` is configured with another value.
        """
        argument = f"ignore_index of {self.name}"
        self.ignore_index = ignore_index_of(
            head, self.configured_ignore_index, argument
        )

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C_s, h, w), (B, C_t, h, w) and labels (B, H, W), a scalar."""
        return functional.intra_class_variation(
            student, teacher, labels, self.ignore_index
        )


@MODELS.register_module()
class CIRKDLoss(CosineTerm):
    """``functional.cross_image_relation`` as a term.

    Args:
        temperature: T > 0 of the softmax over the pixels of an image; default 0.1.
        size: Features are averaged to at most size x size patches, size >= 1; default
            16. Its time grows with (B size^2)^2, its memory does not.
        **kwargs: Arguments of ``FeatureTerm``.

    Raises:
        ValueError: An argument is out of its range.
    """

    short_name: ClassVar[str] = "cirkd"

    def __init__(self, temperature: float = 0.1, size: int = 16, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.temperature = check_positive(temperature, "temperature")
        self.size = check_count(size, "size")

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C_s, h, w) and (B, C_t, h, w), a scalar; no labels used."""
        return functional.cross_image_relation(
            student, teacher, self.temperature, self.size
        )


class ProjectedTerm(FeatureTerm):
    """A term on features channel by channel, with a projector if the counts differ.

    The projector is a 1x1 convolution of the student's features to the teacher's
    channel count, as in FitNets (Romero et al., ICLR 2015), trained with the student.

    Args:
        student_channels: Channel count at ``tap``, >= 1; required if no head of the
            student specifies it. Default None.
        teacher_channels: Channel count at ``teacher_tap``, >= 1; required if no head of
            the teacher specifies it. Default None.
        **kwargs: Arguments of ``FeatureTerm``.

    Raises:
        ValueError: A count is not a whole number >= 1.
    """

    projector: nn.Conv2d | None

    def __init__(
        self,
        student_channels: int | None = None,
        teacher_channels: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.configured = {
            "student_channels": student_channels,
            "teacher_channels": teacher_channels,
        }
        for argument, count in self.configured.items():
            if count is not None:
                check_count(count, argument)
        self.projector = None

    def bind_channels(
        self, student_channels: int | None, teacher_channels: int | None
    ) -> None:
        """Build the projector if the channel counts differ.

        Raises:
            ValueError: A count is unknown, or contradicts the model.
        """
        inputs = self._count("student_channels", student_channels, self.tap)
        outputs = self._count("teacher_channels", teacher_channels, self.teacher_tap)
        self.projector = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def _count(self, argument: str, actual: int | None, tap: int | str) -> int:
        configured = self.configured[argument]
        if configured is None and actual is None:
            raise ValueError(
                f"{type(self).__name__} needs the number of channels at tap {tap!r}, "
                f"and no head of the {argument.partition('_')[0]} names it: pass "
                f"{argument}= to the term"
            )
        if None not in (configured, actual) and configured != actual:
            raise ValueError(
                f"{type(self).__name__}: {argument}={configured}, but the model has "
                f"{actual} channels at tap {tap!r}: leave {argument} out"
            )
        return configured or actual or 0

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
        **kwargs: Arguments of ``ProjectedTerm`` and ``FeatureTerm``.
    """

    short_name: ClassVar[str] = "feature_mse"

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C_s, h, w) and (B, C_t, h, w), a scalar; no labels used."""
        return functional.feature_mse(self.project(student), teacher)


@MODELS.register_module()
class FeatureCosineLoss(ProjectedTerm):
    """``functional.feature_cosine`` as a term, after a projector.

    Args:
        **kwargs: Arguments of ``ProjectedTerm`` and ``FeatureTerm``.
    """

    short_name: ClassVar[str] = "feature_cosine"

    def bind_channels(
        self, student_channels: int | None, teacher_channels: int | None
    ) -> None:
        """Build the projector if the channel counts differ.

        Raises:
            ValueError: A count is unknown or contradicts the model, or the teacher has
                one channel.
        """
        super().bind_channels(student_channels, teacher_channels)
        check_several_channels(
            self, teacher_channels, self.configured["teacher_channels"]
        )

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C_s, h, w) and (B, C_t, h, w), a scalar; no labels used."""
        return functional.feature_cosine(self.project(student), teacher)


@MODELS.register_module()
class AttentionTransferLoss(FeatureTerm):
    """``functional.attention_transfer`` as a term; channel counts may differ.

    It compares the magnitude of the features at a pixel, not their direction: at
    ``tap='logits'`` it does not distinguish classes.

    Args:
        **kwargs: Arguments of ``FeatureTerm``.
    """

    short_name: ClassVar[str] = "at"

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C_s, h, w) and (B, C_t, h, w), a scalar; no labels used."""
        return functional.attention_transfer(student, teacher)

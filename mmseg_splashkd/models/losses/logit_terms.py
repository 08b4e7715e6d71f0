"""Distillation terms on logits: ``functional.logits`` as registered losses."""

from collections.abc import Sequence
from typing import Any, ClassVar

from mmseg.registry import MODELS
from torch import Tensor

from mmseg_splashkd.models.losses import functional
from mmseg_splashkd.models.losses.arguments import check_not_negative, check_positive
from mmseg_splashkd.models.losses.term import DistillTerm
from mmseg_splashkd.models.segmentors.outputs import SegOutputs

FITTED = "fitted"
FEATURE_LOSSES = (
    "SKDLoss, IFVDLoss, CIRKDLoss, FeatureMSELoss, FeatureCosineLoss and "
    "AttentionTransferLoss"
)
FOR_ONE_CLASS = f"LogitMSELoss, CWDLoss, {FEATURE_LOSSES}"
FOR_TWO_CLASSES = (
    f"KLDLoss, RarityKLDLoss, MarginKLDLoss, HardLabelLoss, {FOR_ONE_CLASS}"
)


def check_softmax(loss: DistillTerm, num_classes: int) -> None:
    """Check that a softmax over classes depends on the logits.

    Raises:
        ValueError: There is one class.
    """
    if num_classes < 2:
        raise ValueError(
            f"{type(loss).__name__} has no gradient for num_classes={num_classes}: a "
            f"softmax over one class is 1 for every logit. Give background a class of "
            f"its own, or take one of {FOR_ONE_CLASS}"
        )


class TemperatureTerm(DistillTerm):
    """A term whose temperature is a number or fitted to the teacher.

    Args:
        temperature: T > 0, default 1; or ``'fitted'``: the temperature that calibrates
            the teacher on the validation part, set before the first step by
            ``set_fitted_temperature``.
        **kwargs: Arguments of ``DistillTerm``.

    Raises:
        ValueError: ``temperature`` is neither.
    """

    temperature: float | str

    def __init__(self, temperature: float | str = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if temperature != FITTED:
            check_positive(temperature, "temperature", f" or {FITTED!r}")
        self.temperature = temperature

    def set_fitted_temperature(self, value: float) -> None:
        """Set the value of ``temperature='fitted'``.

        Raises:
            ValueError: ``value`` is not a number > 0.
        """
        self.temperature = check_positive(value, "the fitted temperature")

    def temperature_value(self) -> float:
        """The temperature as a number.

        Raises:
            RuntimeError: The temperature is ``'fitted'`` and not set yet.
        """
        if isinstance(self.temperature, str):
            raise RuntimeError(
                f"temperature={FITTED!r} of {self.name} is not set yet: "
                f"TeacherGateHook fits it before the first step, through "
                f"set_fitted_temperature. Train with tools/train.py, or give a number"
            )
        return self.temperature


@MODELS.register_module()
class KLDLoss(TemperatureTerm):
    """``functional.kl_divergence`` as a term.

    Args:
        temperature: T > 0 or ``'fitted'``, default 1; see ``TemperatureTerm``.
        standardize: Whether to z-score the logits over classes first; default False.
            Requires more than two classes.
        **kwargs: Arguments of ``DistillTerm``.

    Raises:
        ValueError: ``temperature`` is out of its range.
    """

    short_name: ClassVar[str] = "kl"
    shift_invariant: ClassVar[bool] = True  # standardised too: the mean is subtracted
    min_classes: ClassVar[int] = 2

    def __init__(
        self, temperature: float | str = 1.0, standardize: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(temperature, **kwargs)
        self.standardize = standardize

    def check_num_classes(self, num_classes: int) -> None:
        """Check for at least two classes, or three if standardised.

        Raises:
            ValueError: There are fewer.
        """
        check_softmax(self, num_classes)
        if self.standardize and num_classes == 2:
            raise ValueError(
                f"KLDLoss(standardize=True) has no gradient for num_classes=2: "
                f"standardised, the logits of every pixel are +-0.7071, without its "
                f"confidence. Leave standardize out, or take one of {FOR_TWO_CLASSES}"
            )

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C, h, w) logits, a scalar; no labels used."""
        temperature = self.temperature_value()
        return functional.kl_divergence(student, teacher, temperature, self.standardize)


@MODELS.register_module()
class RarityKLDLoss(TemperatureTerm):
    """The KL of ``KLDLoss``, with pixels weighted by ``functional.rarity_weights``.

    In ``KLDLoss``, a class on 1 % of the pixels has 1 % of the weight. Here, pixels are
    weighted by the rarity of the class that the teacher predicts, with a mean of 1, so
    that ``weight`` keeps its scale.

    Args:
        temperature: T > 0 or ``'fitted'``, default 1; see ``TemperatureTerm``.
        power: Exponent >= 0 of the rarity, default 1: the same total weight
            for each class that the teacher predicts in the batch; 0 is ``KLDLoss``.
        floor: Share in (0, 1) below which a class is no rarer, default 0.001. It bounds
            the weight of a few pixels.
        shares: Share or pixel count of each class in all of the data, C numbers >= 0;
            default None: the shares of the teacher's predictions in the batch. Under
            DDP, that is the batch of the process.
        **kwargs: Arguments of ``DistillTerm``.

    Raises:
        ValueError: An argument is out of its range.
    """

    short_name: ClassVar[str] = "rarity_kl"
    shift_invariant: ClassVar[bool] = True
    min_classes: ClassVar[int] = 2

    def __init__(
        self,
        temperature: float | str = 1.0,
        power: float = 1.0,
        floor: float = 1e-3,
        shares: Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(temperature, **kwargs)
        self.power = check_not_negative(power, "power")
        self.floor = check_positive(floor, "floor")
        if floor >= 1:
            raise ValueError(f"floor must be a share < 1, got {floor!r}")
        self.shares = shares
        for share in shares or ():
            check_not_negative(share, "shares")
        if shares is not None and not sum(shares):
            raise ValueError(f"shares must not all be 0, got {list(shares)}")

    def check_num_classes(self, num_classes: int) -> None:
        """Check for at least two classes, and one share per class.

        Raises:
            ValueError: There are fewer classes, or another number of shares.
        """
        check_softmax(self, num_classes)
        if self.shares is not None and len(self.shares) != num_classes:
            raise ValueError(
                f"shares={list(self.shares)} of {self.name} has {len(self.shares)} "
                f"numbers for {num_classes} classes: give one per class"
            )

    def forward(
        self, student: SegOutputs, teacher: SegOutputs, labels: Tensor
    ) -> Tensor:
        """Loss of the outputs of student and teacher, a scalar; no labels used."""
        return self.compare(student.logits, teacher.logits, labels, teacher.valid)

    def compare(
        self,
        student: Tensor,
        teacher: Tensor,
        labels: Tensor,
        valid: Tensor | None = None,
    ) -> Tensor:
        """Loss of (B, C, h, w) logits, a scalar; no labels used.

        Args:
            student: Logits of the student.
            teacher: Logits of the teacher.
            labels: Not used.
            valid: (B, h, w), False where the teacher has no answer.
        """
        weights = functional.rarity_weights(
            teacher, self.power, self.floor, self.shares, valid
        )
        temperature = self.temperature_value()
        return functional.kl_divergence(student, teacher, temperature, weights=weights)


@MODELS.register_module()
class MarginKLDLoss(TemperatureTerm):
    """``functional.margin_kl_divergence`` as a term: the KL of two classes, cheaper.

    Args:
        temperature: T > 0 or ``'fitted'``, default 1; see ``TemperatureTerm``.
        **kwargs: Arguments of ``DistillTerm``.

    Raises:
        ValueError: ``temperature`` is out of its range.
    """

    short_name: ClassVar[str] = "margin_kl"
    shift_invariant: ClassVar[bool] = True
    min_classes: ClassVar[int] = 2
    max_classes: ClassVar[int | None] = 2

    def check_num_classes(self, num_classes: int) -> None:
        """Check for exactly two classes.

        Raises:
            ValueError: There are more or fewer.
        """
        check_softmax(self, num_classes)
        if num_classes != 2:
            raise ValueError(
                f"MarginKLDLoss compares the margin of two classes, not of "
                f"num_classes={num_classes}: take KLDLoss, which equals it for two"
            )

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, 2, h, w) logits, a scalar; no labels used."""
        return functional.margin_kl_divergence(
            student, teacher, self.temperature_value()
        )


@MODELS.register_module()
class HardLabelLoss(DistillTerm):
    """``functional.hard_label_cross_entropy`` as a term: pseudo-labels of the teacher.

    Args:
        threshold: Probability in [0, 1) above which the teacher is sure, default 0.95.
        **kwargs: Arguments of ``DistillTerm``.

    Raises:
        ValueError: ``threshold`` is out of its range.
    """

    short_name: ClassVar[str] = "hard"
    shift_invariant: ClassVar[bool] = True
    min_classes: ClassVar[int] = 2

    def __init__(self, threshold: float = 0.95, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = check_not_negative(threshold, "threshold")
        if threshold >= 1:
            raise ValueError(f"threshold must be a probability < 1, got {threshold!r}")

    def check_num_classes(self, num_classes: int) -> None:
        """Check for at least two classes.

        Raises:
            ValueError: There are fewer.
        """
        check_softmax(self, num_classes)

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C, h, w) logits, a scalar; no labels used."""
        return functional.hard_label_cross_entropy(student, teacher, self.threshold)


@MODELS.register_module()
class LogitMSELoss(DistillTerm):
    """``functional.logit_mse`` as a term, with the arguments of ``DistillTerm``."""

    short_name: ClassVar[str] = "mse"

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C, h, w) logits, a scalar; no labels used."""
        return functional.logit_mse(student, teacher)


@MODELS.register_module()
class CWDLoss(DistillTerm):
    """``functional.channel_wise_divergence`` as a term, usually with weight 3.

    Args:
        temperature: T > 0 of the softmax over pixels; default 4.
        **kwargs: Arguments of ``DistillTerm``.

    Raises:
        ValueError: ``temperature`` is out of its range.
    """

    short_name: ClassVar[str] = "cwd"

    def __init__(self, temperature: float = 4.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.temperature = check_positive(temperature, "temperature")

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C, h, w) logits, a scalar; no labels used."""
        return functional.channel_wise_divergence(student, teacher, self.temperature)


@MODELS.register_module()
class DISTLoss(DistillTerm):
    """Weighted sum of ``functional.dist_class_relation`` and ``dist_pixel_relation``.

    Args:
        class_weight: Factor >= 0 of the relation between the classes of a pixel,
            default 1; must be 0 for two classes.
        pixel_weight: Factor >= 0 of the relation between the pixels of an image;
            default 1.
        temperature: T > 0.
        **kwargs: Arguments of ``DistillTerm``.

    Raises:
        ValueError: An argument is out of its range, or both factors are 0.
    """

    short_name: ClassVar[str] = "dist"
    shift_invariant: ClassVar[bool] = True
    min_classes: ClassVar[int] = 3

    def __init__(
        self,
        class_weight: float = 1.0,
        pixel_weight: float = 1.0,
        temperature: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.class_weight = check_not_negative(class_weight, "class_weight")
        self.pixel_weight = check_not_negative(pixel_weight, "pixel_weight")
        if not class_weight and not pixel_weight:
            raise ValueError(
                "class_weight=0 and pixel_weight=0 make DISTLoss constant: set one of "
                "them, or remove the term"
            )
        self.temperature = check_positive(temperature, "temperature")

    def check_num_classes(self, num_classes: int) -> None:
        """Check for at least three classes, or two if ``class_weight`` is 0.

        Raises:
            ValueError: There are fewer.
        """
        check_softmax(self, num_classes)
        if self.class_weight and num_classes == 2:
            raise ValueError(
                f"DISTLoss(class_weight={self.class_weight}) has no gradient for "
                f"num_classes=2: a correlation over two classes is 1 or -1. "
                f"class_weight=0 keeps the pixel term, which has one; or take one of "
                f"{FOR_TWO_CLASSES}"
            )

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C, h, w) logits, a scalar; no labels used."""
        parts = (
            (self.class_weight, functional.dist_class_relation),
            (self.pixel_weight, functional.dist_pixel_relation),
        )
        values = [
            weight * relation(student, teacher, self.temperature)
            for weight, relation in parts
            if weight
        ]
        return values[0] if len(values) == 1 else values[0] + values[1]

"""Distillation terms on logits: ``functional.logits`` as registered losses."""

from typing import ClassVar

from mmseg.registry import MODELS
from torch import Tensor

from mmseg_splashkd.models.losses import functional
from mmseg_splashkd.models.losses.arguments import check_not_negative, check_positive
from mmseg_splashkd.models.losses.term import DistillTerm

FITTED = "fitted"
FEATURE_LOSSES = (
    "SKDLoss, IFVDLoss, CIRKDLoss, FeatureMSELoss, FeatureCosineLoss and "
    "AttentionTransferLoss"
)
FOR_ONE_CLASS = f"LogitMSELoss, CWDLoss, {FEATURE_LOSSES}"
FOR_TWO_CLASSES = f"KLDLoss, MarginKLDLoss, {FOR_ONE_CLASS}"


def check_softmax(loss: DistillTerm, num_classes: int) -> None:
    """Refuse one class, of which a softmax over classes makes 1 everywhere.

    Raises:
        ValueError: There is one.
    """
    if num_classes < 2:
        raise ValueError(
            f"{type(loss).__name__} is blind for num_classes={num_classes}: a softmax "
            f"over one class is 1 whatever the logit. Give background a class of its "
            f"own, or take one of {FOR_ONE_CLASS}"
        )


class TemperedTerm(DistillTerm):
    """A term whose temperature is a number, or fitted to the teacher.

    Args:
        temperature: T > 0, or ``'fitted'``: the one that calibrates the teacher on the
            validation part, set before the first step by ``set_fitted_temperature``.
        **kwargs: Of ``DistillTerm``.

    Raises:
        ValueError: ``temperature`` is neither.
    """

    temperature: float | str

    def __init__(self, temperature: float | str = 1.0, **kwargs) -> None:
        super().__init__(**kwargs)
        if temperature != FITTED:
            check_positive(temperature, "temperature", f" or {FITTED!r}")
        self.temperature = temperature

    def set_fitted_temperature(self, value: float) -> None:
        """Set what ``temperature='fitted'`` stands for.

        Raises:
            ValueError: It is no number above 0.
        """
        self.temperature = check_positive(value, "the fitted temperature")

    def known_temperature(self) -> float:
        """The temperature as a number.

        Raises:
            RuntimeError: It is not fitted yet.
        """
        if isinstance(self.temperature, str):
            raise RuntimeError(
                f"temperature={FITTED!r} of {self.name} is not known yet: the teacher "
                f"gate fits it before the first step, through set_fitted_temperature. "
                f"Train with tools/train.py, or give a number"
            )
        return self.temperature


@MODELS.register_module()
class KLDLoss(TemperedTerm):
    """``functional.kl_divergence`` as a term.

    Args:
        temperature: T > 0 or ``'fitted'``; see ``TemperedTerm``.
        standardize: Z-score the logits over classes first; for more than two classes.
        **kwargs: Of ``DistillTerm``.

    Raises:
        ValueError: ``temperature`` is out of its range.
    """

    short_name: ClassVar[str] = "kl"
    shift_invariant: ClassVar[bool] = True  # standardised too: the mean is subtracted

    def __init__(
        self, temperature: float | str = 1.0, standardize: bool = False, **kwargs
    ) -> None:
        super().__init__(temperature, **kwargs)
        self.standardize = standardize

    def check(self, num_classes: int) -> None:
        """Refuse one class, and two if standardised.

        Raises:
            ValueError: It would be blind.
        """
        check_softmax(self, num_classes)
        if self.standardize and num_classes == 2:
            raise ValueError(
                f"KLDLoss(standardize=True) is blind for num_classes=2: it makes "
                f"+-0.7071 of every pixel's logits, so that confidence is lost. Leave "
                f"standardize out, or take one of {FOR_TWO_CLASSES}"
            )

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C, h, w) logits, a scalar; labels do not matter."""
        temperature = self.known_temperature()
        return functional.kl_divergence(student, teacher, temperature, self.standardize)


@MODELS.register_module()
class MarginKLDLoss(TemperedTerm):
    """``functional.margin_kl_divergence`` as a term: the KL of two classes, cheaper.

    Args:
        temperature: T > 0 or ``'fitted'``; see ``TemperedTerm``.
        **kwargs: Of ``DistillTerm``.

    Raises:
        ValueError: ``temperature`` is out of its range.
    """

    short_name: ClassVar[str] = "margin_kl"
    shift_invariant: ClassVar[bool] = True

    def check(self, num_classes: int) -> None:
        """Refuse all but two classes.

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
        """Loss of (B, 2, h, w) logits, a scalar; labels do not matter."""
        return functional.margin_kl_divergence(
            student, teacher, self.known_temperature()
        )


@MODELS.register_module()
class LogitMSELoss(DistillTerm):
    """``functional.logit_mse`` as a term.

    Args:
        **kwargs: Of ``DistillTerm``.
    """

    short_name: ClassVar[str] = "mse"

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C, h, w) logits, a scalar; labels do not matter."""
        return functional.logit_mse(student, teacher)


@MODELS.register_module()
class CWDLoss(DistillTerm):
    """``functional.channel_wise_divergence`` as a term; its usual weight is 3.

    Args:
        temperature: T > 0 of the softmax over pixels.
        **kwargs: Of ``DistillTerm``.

    Raises:
        ValueError: ``temperature`` is out of its range.
    """

    short_name: ClassVar[str] = "cwd"

    def __init__(self, temperature: float = 4.0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.temperature = check_positive(temperature, "temperature")

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C, h, w) logits, a scalar; labels do not matter."""
        return functional.channel_wise_divergence(student, teacher, self.temperature)


@MODELS.register_module()
class DISTLoss(DistillTerm):
    """Weighted sum of ``functional.dist_class_relation`` and ``dist_pixel_relation``.

    Args:
        class_weight: Factor >= 0 of the relation between the classes of a pixel; two
            classes need 0.
        pixel_weight: Factor >= 0 of the relation between the pixels of an image.
        temperature: T > 0.
        **kwargs: Of ``DistillTerm``.

    Raises:
        ValueError: An argument is out of its range, or both factors are 0.
    """

    short_name: ClassVar[str] = "dist"
    shift_invariant: ClassVar[bool] = True

    def __init__(
        self,
        class_weight: float = 1.0,
        pixel_weight: float = 1.0,
        temperature: float = 1.0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.class_weight = check_not_negative(class_weight, "class_weight")
        self.pixel_weight = check_not_negative(pixel_weight, "pixel_weight")
        if not class_weight and not pixel_weight:
            raise ValueError(
                "class_weight=0 and pixel_weight=0 leave nothing of DISTLoss: give one "
                "of them, or remove the term"
            )
        self.temperature = check_positive(temperature, "temperature")

    def check(self, num_classes: int) -> None:
        """Refuse one class, and two unless ``class_weight`` is 0.

        Raises:
            ValueError: It would be blind.
        """
        check_softmax(self, num_classes)
        if self.class_weight and num_classes == 2:
            raise ValueError(
                f"DISTLoss(class_weight={self.class_weight}) is blind for "
                f"num_classes=2: a correlation over two classes is 1 or -1 and has no "
                f"gradient. class_weight=0 keeps the pixel term, which sees them; or "
                f"take one of {FOR_TWO_CLASSES}"
            )

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C, h, w) logits, a scalar; labels do not matter."""
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

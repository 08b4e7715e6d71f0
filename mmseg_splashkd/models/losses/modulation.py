"""The pixels on whose error the distillation is modulated, where not on all labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mmseg_splashkd.models.losses import functional
from mmseg_splashkd.models.losses.arguments import is_number


@dataclass(frozen=True)
class StudentError:
    """``functional.student_error`` as the modulation m.

    Args:
        classes: Indices of the classes that count, such as ``[1]`` for splash; default
            None: all, each as much.
        threshold: Smallest probability, in [0, 1], by which the teacher is sure of its
            class; default 0.5, which for two classes is its decision.
    """

    classes: Sequence[int] | None = None
    threshold: float = 0.5

    def __call__(
        self, student: Tensor, teacher: Tensor, gamma: float, valid: Tensor | None
    ) -> Tensor:
        """Scalar m in [0, 1] of (B, C, h, w) logits; 0 if there is no such pixel."""
        return functional.student_error(
            student, teacher, gamma, self.threshold, self.classes, valid
        )

    def check_num_classes(self, num_classes: int) -> None:
        """Check that the classes exist.

        Raises:
            ValueError: A class index is out of range.
        """
        for index in self.classes or ():
            if index >= num_classes:
                raise ValueError(
                    f"student_error.classes={list(self.classes or ())} has {index}, "
                    f"and the student has classes 0 to {num_classes - 1}"
                )


def student_error_of(
    value: Mapping[str, Any] | None, modulate: str
) -> StudentError | None:
    """Read a mapping with the arguments of ``StudentError``; None is None.

    Args:
        value: Value from a config.
        modulate: ``modulate`` of the loss, which must be ``'kd'``.

    Raises:
        ValueError: A key is unknown, a value is out of its range, or ``modulate`` is
            not ``'kd'``.
    """
    if value is None:
        return None
    fields = StudentError.__dataclass_fields__
    if not isinstance(value, Mapping) or value.keys() - fields:
        raise ValueError(
            f"student_error takes a dict with {sorted(fields)}, got {value!r}"
        )
    if modulate != "kd":
        raise ValueError(
            f"student_error needs modulate='kd', got {modulate!r}: it is measured "
            f"against the teacher, and modulates its terms only"
        )
    error = StudentError(**value)
    if not is_number(error.threshold) or not 0 <= error.threshold <= 1:
        raise ValueError(
            f"student_error.threshold must lie in [0, 1], got {error.threshold!r}"
        )
    chosen = error.classes
    if chosen is not None and not _are_indices(chosen):
        raise ValueError(
            f"student_error.classes must be different class indices, got {chosen!r}"
        )
    return error


def _are_indices(values: Any) -> bool:
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        return False
    whole = all(is_number(each) and each == int(each) >= 0 for each in values)
    return whole and len(set(values)) == len(values)

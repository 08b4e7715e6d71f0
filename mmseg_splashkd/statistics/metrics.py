"""Scores by name, vectorised over sets of pixel counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

KINDS = ("IoU", "Dice")


@dataclass(frozen=True)
class Metric:
    """A score in percent, named as in ``DiceMetric``.

    Args:
        name: ``mIoU``, ``mDice``, ``IoU.<class>`` or ``Dice.<class>``.
        kind: ``IoU`` or ``Dice``.
        class_id: Index of the class, or None for the mean over classes.
    """

    name: str
    kind: str
    class_id: int | None

    def of(self, areas: np.ndarray, whole: np.ndarray | None = None) -> np.ndarray:
        """Score sets of pixels.

        Args:
            areas: (..., 3, C), the rows intersection, predicted and labelled, in pixels
                or weighted pixels.
            whole: (..., 3, C) of the set that contains all ``areas``. A class that is
                absent from a subset only is scored on the whole set, so that the mean
                is over the same classes for every subset.

        Returns:
            (...) percent; NaN where no class has a pixel.
        """
        by_class = self._by_class(areas)
        if whole is not None:
            by_class = np.where(np.isnan(by_class), self._by_class(whole), by_class)
        if self.class_id is not None:
            return by_class[..., self.class_id]
        defined = ~np.isnan(by_class)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(defined, by_class, 0).sum(-1) / defined.sum(-1)

    def _by_class(self, areas: np.ndarray) -> np.ndarray:
        hit, predicted, labelled = np.moveaxis(areas.astype(np.float64), -2, 0)
        both = predicted + labelled
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.kind == "IoU":
                return 100 * hit / (both - hit)
            return 100 * 2 * hit / both


def parse_metric(name: str, classes: Sequence[str]) -> Metric:
    """The metric with a given name.

    Args:
        name: ``mIoU``, ``mDice``, ``IoU.<class>`` or ``Dice.<class>``.
        classes: Names of the C classes.

    Raises:
        ValueError: There is no such metric or class.
    """
    for kind in KINDS:
        if name == f"m{kind}":
            return Metric(name, kind, None)
        head, _, label = name.partition(".")
        if head == kind and label in classes:
            return Metric(name, kind, list(classes).index(label))
    raise ValueError(
        f"metric {name!r} is not one of mIoU, mDice, IoU.<class>, Dice.<class>; the "
        f"classes are {', '.join(classes)}"
    )


def areas_of(confusion: np.ndarray) -> np.ndarray:
    """Areas of confusion matrices.

    Args:
        confusion: (..., C, C), the rows true and the columns predicted classes.

    Returns:
        (..., 3, C), the rows intersection, predicted and labelled, in pixels.
    """
    diagonal = np.diagonal(confusion, axis1=-2, axis2=-1)
    return np.stack([diagonal, confusion.sum(-2), confusion.sum(-1)], -2)

"""Whether predictions are better than those that ignore the image."""

from typing import NamedTuple

import numpy as np

from mmseg_splashkd.evaluation.operating_point.curve import (
    best_operating_point,
    threshold_curve,
)


class Skill(NamedTuple):
    """A score, and the best that a prediction of one class everywhere reaches.

    Attributes:
        score: In percent; NaN if undefined.
        trivial: In percent; NaN if undefined.
    """

    score: float
    trivial: float

    @property
    def gained(self) -> float:
        """Share of the way from the trivial to the perfect score, at most 1."""
        return (self.score - self.trivial) / max(100 - self.trivial, 1e-9)


def dice_skill(histogram: np.ndarray) -> Skill:
    """Dice of one class at its best threshold.

    The trivial score is that of predicting the class everywhere, 2 p / (1 + p) for a
    share p of the pixels; predicting it nowhere scores 0.

    Args:
        histogram: (2, K) as ``FrameScores.histogram``, summed over frames.
    """
    curve = threshold_curve(histogram)
    if not curve.true_pixels:
        return Skill(np.nan, np.nan)
    point = best_operating_point(curve)
    score = 0.0 if point is None else 100 * point.dice
    return Skill(score, 100 * float(curve.dice[0]))


def iou_skill(confusion: np.ndarray) -> Skill:
    """Mean IoU over the classes that have pixels.

    The trivial score is that of predicting the most frequent class everywhere: its
    share of the pixels over the number of classes.

    Args:
        confusion: (C, C) pixels, the rows true and the columns predicted classes.
    """
    true, predicted = confusion.sum(1), confusion.sum(0)
    there = true > 0
    if not there.any():
        return Skill(np.nan, np.nan)
    hit = confusion.diagonal()[there]
    iou = hit / (true[there] + predicted[there] - hit)
    trivial = true.max() / true.sum() / there.sum()
    return Skill(100 * float(iou.mean()), 100 * float(trivial))

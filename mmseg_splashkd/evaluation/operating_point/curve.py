"""Scores of one class over decision thresholds, and the best threshold.

For two classes argmax is the threshold 1/2 on the probability; for a class that covers
few pixels another threshold is often better. All scores follow exactly from
``FrameScores.histogram``.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True, eq=False)
class ThresholdCurve:
    """Scores of a class that is predicted where p >= t, for K thresholds t.

    Fractions in [0, 1], float64. Precision is NaN if no pixel is predicted, recall if
    none is true, Dice if neither is; Dice is 0 if only one of them is.

    Attributes:
        thresholds: (K,) k / K for k = 0 ... K - 1, ascending. At 0 every pixel is
            predicted.
        precision: (K,) fraction of the predicted pixels that are true.
        recall: (K,) fraction of the true pixels that are predicted.
        dice: (K,) harmonic mean of both, 2 |P and L| / (|P| + |L|).
        true_pixels: Number of true pixels.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    dice: np.ndarray
    true_pixels: int


class OperatingPoint(NamedTuple):
    """A threshold and the scores at it, fractions in [0, 1].

    Attributes:
        threshold: Minimum probability at which the class is predicted.
        dice: Dice coefficient.
        precision: Fraction of the predicted pixels that are true.
        recall: Fraction of the true pixels that are predicted.
        dice_at_half: Dice coefficient at the threshold 1/2.
    """

    threshold: float
    dice: float
    precision: float
    recall: float
    dice_at_half: float


def threshold_curve(histogram: np.ndarray) -> ThresholdCurve:
    """Precision, recall and Dice of the pooled pixels at the lower edge of each bin.

    Args:
        histogram: (N, 2, K) counts of N frames, or (2, K) summed: pixels of other
            classes and pixels of the class, by its probability in [k / K, (k + 1) / K).

    Raises:
        ValueError: ``histogram`` has another shape.
    """
    if histogram.ndim not in (2, 3) or histogram.shape[-2] != 2:
        raise ValueError(f"histogram has shape {histogram.shape}, not ([N,] 2, K)")
    counts = histogram.reshape(-1, *histogram.shape[-2:]).sum(0, dtype=np.int64)
    # Pixels at or above each edge.
    false, hit = counts[:, ::-1].cumsum(1)[:, ::-1]
    true = int(counts[1].sum())
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, as documented
        return ThresholdCurve(
            thresholds=np.arange(counts.shape[1]) / counts.shape[1],
            precision=hit / (hit + false),
            recall=hit / np.float64(true),
            dice=2 * hit / (hit + false + true),
            true_pixels=true,
        )


def average_precision(curve: ThresholdCurve) -> float:
    """Area under the precision-recall curve: sum over t of (R_t - R_t+1) P_t.

    Equals scikit-learn's ``average_precision_score``, without interpolation between
    thresholds.

    Returns:
        A fraction in [0, 1]; NaN if no pixel is of the class.
    """
    gained = -np.diff(curve.recall, append=0.0)
    return float(gained @ np.where(np.isnan(curve.precision), 0.0, curve.precision))


def point_at(curve: ThresholdCurve, threshold: float) -> OperatingPoint:
    """The scores at the largest threshold of a curve that is at most ``threshold``.

    Args:
        curve: A curve with any number of thresholds.
        threshold: A probability in [0, 1].

    Raises:
        ValueError: ``threshold`` lies outside [0, 1].
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold={threshold} lies outside [0, 1]")
    index = int(np.searchsorted(curve.thresholds, threshold, side="right")) - 1
    half = np.searchsorted(curve.thresholds, 0.5)
    return OperatingPoint(
        threshold=float(curve.thresholds[index]),
        dice=float(curve.dice[index]),
        precision=float(curve.precision[index]),
        recall=float(curve.recall[index]),
        dice_at_half=float(curve.dice[half]),
    )


def best_operating_point(curve: ThresholdCurve) -> OperatingPoint | None:
    """The threshold above 0 with the highest Dice.

    Among thresholds with equal Dice the nearest to 1/2 is chosen, and the higher of two
    equally near ones. The threshold 0 predicts the class everywhere and is excluded.

    Returns:
        None if no pixel is of the class, or no threshold above 0 finds one.
    """
    dice = np.nan_to_num(curve.dice[1:])
    if not curve.true_pixels or not dice.any():
        return None
    best = 1 + np.flatnonzero(dice == dice.max())
    nearest = min(
        curve.thresholds[best].tolist(), key=lambda each: (abs(each - 0.5), -each)
    )
    return point_at(curve, nearest)

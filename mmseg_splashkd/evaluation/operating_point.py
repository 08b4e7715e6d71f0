"""Which probability is enough: scores of one class over thresholds, and the best one.

A class that covers few pixels is decided by a threshold on its probability rather than
by argmax, which for two classes is the threshold 1/2. Everything here follows exactly
from :attr:`~mmseg_splashkd.evaluation.frame_scores.FrameScores.histogram`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmseg_splashkd.evaluation.frame_scores import BINS

HALF = BINS // 2


@dataclass(frozen=True, eq=False)
class ThresholdCurve:
    """Scores of a class that is predicted where p >= t, for K thresholds t.

    Fractions in [0, 1], float64. Precision is NaN where no pixel is predicted, recall
    where none is true, Dice where neither is; Dice is 0 where only one of them is.

    Attributes:
        thresholds: (K,) k / K for k = 0 ... K - 1, rising. At 0 every pixel is
            predicted.
        precision: (K,) share of the predicted pixels that are true.
        recall: (K,) share of the true pixels that are predicted.
        dice: (K,) their harmonic mean, 2 |P and L| / (|P| + |L|).
        true_pixels: Number of true pixels.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    dice: np.ndarray
    true_pixels: int


class OperatingPoint(NamedTuple):
    """A threshold and the scores it brings, fractions in [0, 1].

    Attributes:
        threshold: The class is predicted where its probability is at least this.
        dice: Dice coefficient.
        precision: Share of the predicted pixels that are true.
        recall: Share of the true pixels that are predicted.
        dice_at_half: Dice coefficient at the threshold 1/2.
    """

    threshold: float
    dice: float
    precision: float
    recall: float
    dice_at_half: float


def threshold_curve(histogram: np.ndarray) -> ThresholdCurve:
    """Precision, recall and Dice of the pooled pixels at each edge of a bin.

    Args:
        histogram: (N, 2, K) counts of N frames, or (2, K) of all: pixels of other
            classes and pixels of the class, by its probability in [k / K, (k + 1) / K).

    Raises:
        ValueError: The shape is another one.
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

    The step function of scikit-learn's ``average_precision_score``, which does not
    interpolate between thresholds.

    Returns:
        A fraction in [0, 1]; NaN where no pixel is of the class.
    """
    gained = -np.diff(curve.recall, append=0.0)
    return float(gained @ np.where(np.isnan(curve.precision), 0.0, curve.precision))


def point_at(curve: ThresholdCurve, threshold: float) -> OperatingPoint:
    """The scores at the largest threshold of a curve that is not above a given one.

    Args:
        curve: Of any number of thresholds.
        threshold: In [0, 1].

    Raises:
        ValueError: It is outside.
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

    Of several the one nearest to 1/2, and of two as near the higher. The threshold 0,
    which predicts the class everywhere, is no operating point.

    Returns:
        None where no pixel is of the class, or no threshold above 0 finds one.
    """
    dice = np.nan_to_num(curve.dice[1:])
    if not curve.true_pixels or not dice.any():
        return None
    best = 1 + np.flatnonzero(dice == dice.max())
    nearest = min(
        curve.thresholds[best].tolist(), key=lambda each: (abs(each - 0.5), -each)
    )
    return point_at(curve, nearest)

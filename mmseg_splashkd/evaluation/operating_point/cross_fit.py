"""Dice of the focus class at thresholds that are chosen on other frames.

A threshold that is best on the frames it is scored on flatters a model, and argmax
scores a model of a rare class by its confidence rather than by its ranking of pixels.
Cross-fitting does neither: each part of the frames is decided at the threshold that is
best on the other parts (Chernozhukov et al., "Double/debiased machine learning for
treatment and structural parameters", The Econometrics Journal 21(1), 2018).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.evaluation.operating_point.curve import (
    best_operating_point,
    threshold_curve,
)

METRIC = "OperatingPoint.Dice"  # in the metrics of a validation, in percent
HALF = 0.5


class Areas(NamedTuple):
    """Pixels of the focus class, summed over frames."""

    hit: int
    predicted: int
    true: int

    @property
    def dice(self) -> float:
        """Dice in percent; NaN where no pixel is predicted or true."""
        both = self.predicted + self.true
        return 200 * self.hit / both if both else math.nan


def halves_in_time(
    true: np.ndarray, recordings: Sequence[str], timestamps: np.ndarray
) -> np.ndarray:
    """Cut each recording into two halves that are contiguous in time.

    Each half has as many of the frames with the class as the other, within one, so that
    a threshold can be chosen on either; of odd numbers, the half that has fewer so far
    gets one more.

    Args:
        true: (N,) number of true pixels of the class in each frame.
        recordings: N names of recordings.
        timestamps: (N,) UNIX time in nanoseconds; a recording with a frame of unknown
            time (-1) keeps the order of its frames.

    Returns:
        (N,) int, 0 or 1.
    """
    part = np.ones(len(true), np.int64)
    names = np.array(list(recordings))
    surplus = 0  # frames with the class in half 0, less those in half 1
    for name in dict.fromkeys(recordings):
        frames = np.flatnonzero(names == name)
        if (timestamps[frames] >= 0).all():
            frames = frames[np.argsort(timestamps[frames], kind="stable")]
        with_class = np.flatnonzero(true[frames])
        count = len(with_class)
        first = (count + (surplus <= 0)) // 2
        surplus += 2 * first - count
        part[frames[: _cut(with_class, first, len(frames))]] = 0
    return part


def _cut(with_class: np.ndarray, first: int, frames: int) -> int:
    """Number of frames of a first half with ``first`` of the frames with the class."""
    if not len(with_class):
        return frames // 2
    if first == len(with_class):
        return frames
    before = with_class[first - 1] if first else -1
    return int(before + with_class[first] + 1) // 2 if first else 0


def thresholds_of_other_parts(
    histogram: np.ndarray, part: np.ndarray
) -> dict[int, float]:
    """The threshold of each part: the best one on the frames of all other parts.

    Args:
        histogram: (N, 2, K) of N frames, see ``FrameScores``.
        part: (N,) int, the part of each frame.

    Returns:
        Part -> threshold; 1/2 where no threshold finds the class in the other parts.
    """
    thresholds = {}
    for each in np.unique(part).tolist():
        point = best_operating_point(threshold_curve(histogram[part != each]))
        thresholds[each] = HALF if point is None else point.threshold
    return thresholds


def frame_thresholds(scores: FrameScores) -> np.ndarray:
    """The threshold of each frame, best on the other half of its recordings.

    Args:
        scores: Scores of N frames with a histogram.

    Returns:
        (N,) multiples of 1 / BINS.
    """
    assert scores.histogram is not None
    true = scores.histogram[:, 1].sum(-1)
    part = halves_in_time(true, scores.recordings, scores.timestamps)
    chosen = thresholds_of_other_parts(scores.histogram, part)
    return np.array([chosen[each] for each in part.tolist()])


def cross_fitted_areas(scores: FrameScores) -> Areas | None:
    """Pixels of the focus class at the threshold of each frame.

    Any number of classes: the class is predicted where its probability reaches the
    threshold.

    Returns:
        None if the scores have no probabilities.
    """
    if scores.histogram is None:
        return None
    counts = scores.histogram
    bins = np.arange(counts.shape[-1]) / counts.shape[-1]
    above = bins >= frame_thresholds(scores)[:, None]  # (N, K)
    false, hit = (counts * above[:, None]).sum((0, 2)).tolist()
    return Areas(hit=hit, predicted=hit + false, true=int(counts[:, 1].sum()))


def cross_fitted_dice(scores: FrameScores) -> float:
    """``OperatingPoint.Dice`` of a validation.

    Returns:
        Percent; NaN if no pixel is of the focus class, or there are no probabilities.
    """
    areas = cross_fitted_areas(scores)
    return areas.dice if areas is not None and areas.true else math.nan

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

from mmseg_splashkd.evaluation.frame_scores import BINS, FrameScores
from mmseg_splashkd.evaluation.operating_point.curve import (
    best_operating_point,
    threshold_curve,
)

METRIC = "OperatingPoint.Dice"  # in the metrics of a validation, in percent
HALF = 0.5
BLOCKS = 5


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


def blocks_in_time(
    true: np.ndarray, recordings: Sequence[str], timestamps: np.ndarray
) -> np.ndarray:
    """Cut frames into blocks that are contiguous in time.

    The recordings follow each other, each in the order of time. All blocks have equally
    many frames with the class, within one, so that a threshold can be chosen without
    any of them; a cut is midway between two of these frames.

    Args:
        true: (N,) number of true pixels of the class in each frame.
        recordings: N names of recordings.
        timestamps: (N,) UNIX time in nanoseconds; a recording with a frame of unknown
            time (-1) keeps the order of its frames.

    Returns:
        (N,) int, the block of each frame: ``BLOCKS``, or fewer if fewer frames have the
        class.
    """
    names = np.array(list(recordings))
    order = np.arange(0)
    for name in dict.fromkeys(recordings):
        frames = np.flatnonzero(names == name)
        if (timestamps[frames] >= 0).all():
            frames = frames[np.argsort(timestamps[frames], kind="stable")]
        order = np.append(order, frames)
    with_class = np.flatnonzero(true[order])
    count = len(with_class)
    block = np.arange(count) * min(BLOCKS, count) // max(count, 1)
    last = np.flatnonzero(np.diff(block))  # frame with the class before each cut
    cuts = (with_class[last] + with_class[last + 1] + 1) // 2
    part = np.empty(len(true), np.int64)
    part[order] = np.searchsorted(cuts, np.arange(len(true)), side="right")
    return part


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
    parts = np.unique(part).tolist()
    sums = np.stack([histogram[part == each].sum(0) for each in parts])  # (P, 2, K)
    thresholds = {}
    for each, own in zip(parts, sums, strict=True):
        point = best_operating_point(threshold_curve(sums.sum(0) - own))
        thresholds[each] = HALF if point is None else point.threshold
    return thresholds


def frame_thresholds(scores: FrameScores) -> np.ndarray:
    """The threshold of each frame, best on the frames of the other blocks.

    Args:
        scores: Scores of N frames with a histogram.

    Returns:
        (N,) multiples of 1 / BINS.
    """
    assert scores.histogram is not None
    true = scores.histogram[:, 1].sum(-1)
    part = blocks_in_time(true, scores.recordings, scores.timestamps)
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
    thresholds = frame_thresholds(scores)
    false = hit = 0
    for threshold in np.unique(thresholds):
        counts = scores.histogram[thresholds == threshold].sum(0)  # (2, BINS)
        false_here, hit_here = counts[:, round(threshold * BINS) :].sum(1).tolist()
        false, hit = false + false_here, hit + hit_here
    true = int(scores.histogram[:, 1].sum())
    return Areas(hit=hit, predicted=hit + false, true=true)


def cross_fitted_dice(scores: FrameScores) -> float:
    """``OperatingPoint.Dice`` of a validation.

    Returns:
        Percent; NaN if no pixel is of the focus class, or there are no probabilities.
    """
    areas = cross_fitted_areas(scores)
    return areas.dice if areas is not None and areas.true else math.nan

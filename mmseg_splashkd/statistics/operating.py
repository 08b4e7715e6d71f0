"""Runs at their operating points, where argmax would compare how bold they are.

A class of few pixels is found where its probability reaches a threshold. Two models may
rank pixels alike and differ in how sure they are: argmax then calls one of them blind.
Here each run is decided at a threshold of its own, never chosen on the frames it is
scored on.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mmseg_splashkd.evaluation.frame_scores import BINS, FrameScores
from mmseg_splashkd.evaluation.operating_point import (
    best_operating_point,
    threshold_curve,
)
from mmseg_splashkd.statistics.arms import Arm, FoldSeed, frame_keys


def decided_at(scores: FrameScores, threshold: float) -> FrameScores:
    """Counts of two classes, where a pixel is of ``focus`` if p >= threshold.

    Args:
        scores: With a histogram.
        threshold: A multiple of 1 / BINS in [0, 1].

    Raises:
        ValueError: There are more classes, no histogram, or the threshold is no
            multiple.
    """
    if len(scores.classes) != 2:
        raise ValueError(
            f"an operating point decides between two classes, the scores have "
            f"{scores.classes}: compare them as argmax decides"
        )
    histogram, edge = _histogram(scores), threshold * BINS
    if not (0 <= edge <= BINS and edge == int(edge)):
        raise ValueError(f"threshold={threshold} is no multiple of 1/{BINS} in [0, 1]")
    below = histogram[:, :, : int(edge)].sum(-1)
    above = histogram[:, :, int(edge) :].sum(-1)
    focus = scores.focus_index
    rows = [1 - focus, focus]  # of the histogram: other, focus
    confusion = np.empty_like(scores.confusion)
    confusion[:, rows, focus] = above
    confusion[:, rows, 1 - focus] = below
    about = {**scores.about, "threshold": threshold}
    return replace(scores, confusion=confusion, about=about)


def _histogram(scores: FrameScores) -> np.ndarray:
    if scores.histogram is None:
        raise ValueError(
            f"the scores of {scores.about.get('run')} hold no probabilities, so no "
            f"threshold can be chosen: compare them as argmax decides"
        )
    return scores.histogram


def at_stored_points(arm: Arm, chosen_on: Mapping[FoldSeed, FrameScores]) -> Arm:
    """Decide each run at the threshold that is best on other frames of its own.

    Args:
        arm: Runs on frames to test.
        chosen_on: Counts of the same weights on the frames to validate.

    Raises:
        ValueError: These share a frame with those of the arm, or see ``decided_at``.
    """
    runs = {}
    for cell, scores in arm.runs.items():
        other = chosen_on[cell]
        if set(frame_keys(other)) & set(frame_keys(scores)):
            raise ValueError(
                f"arm {arm.name}, {cell}: a threshold chosen on the frames that are "
                f"scored flatters; test on a part of its own"
            )
        runs[cell] = decided_at(scores, _best(_histogram(other), arm, cell))
    return Arm(arm.name, runs)


def at_points_of_other_folds(arm: Arm) -> Arm:
    """Decide each run at the threshold that is best for the arm's other folds.

    Each frame is validated by one fold; the threshold there comes from the runs, and
    the frames, of the others: cross-fitting (Chernozhukov et al., The Econometrics
    Journal 2018), as for any nuisance parameter.

    Raises:
        ValueError: There is one fold only, or see ``decided_at``.
    """
    if len({cell.fold for cell in arm.runs}) < 2:
        raise ValueError(
            f"arm {arm.name} has one fold: its threshold would be chosen on the frames "
            f"it is scored on. Give more folds, or compare the test part"
        )
    runs = {}
    for cell, scores in arm.runs.items():
        others = [run for other, run in arm.runs.items() if other.fold != cell.fold]
        shared = set(frame_keys(scores)).intersection(*map(frame_keys, others))
        if shared:
            raise ValueError(
                f"arm {arm.name}: its folds are scored on the same frames; thresholds "
                f"of other folds are for the held-out part (val)"
            )
        pooled = sum(_histogram(run).sum(0) for run in others)
        runs[cell] = decided_at(scores, _best(np.asarray(pooled), arm, cell))
    return Arm(arm.name, runs)


def _best(histogram: np.ndarray, arm: Arm, cell: FoldSeed) -> float:
    point = best_operating_point(threshold_curve(histogram))
    if point is None:
        raise ValueError(
            f"arm {arm.name}, {cell}: no threshold finds the class in the frames it is "
            f"chosen on"
        )
    return point.threshold

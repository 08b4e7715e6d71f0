"""Runs at decision thresholds that are chosen on other frames than the scored ones.

Two models can rank pixels equally and differ in confidence; for a class of few pixels,
argmax then scores one of them far lower. These functions choose one threshold per run.
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


def at_threshold(scores: FrameScores, threshold: float) -> FrameScores:
    """Counts of two classes with ``focus`` predicted where p >= ``threshold``.

    Args:
        scores: Scores with a histogram.
        threshold: A multiple of 1 / BINS in [0, 1].

    Raises:
        ValueError: There are more than two classes, no histogram, or the threshold is
            not such a multiple.
    """
    if len(scores.classes) != 2:
        raise ValueError(
            f"an operating point decides between two classes, the scores have "
            f"{scores.classes}: compare them by argmax"
        )
    histogram, edge = _histogram(scores), threshold * BINS
    if not (0 <= edge <= BINS and edge == int(edge)):
        raise ValueError(
            f"threshold={threshold} is not a multiple of 1/{BINS} in [0, 1]"
        )
    below = histogram[:, :, : int(edge)].sum(-1)
    above = histogram[:, :, int(edge) :].sum(-1)
    focus = scores.focus_index
    rows = [1 - focus, focus]  # of the histogram: other class, focus class
    confusion = np.empty_like(scores.confusion)
    confusion[:, rows, focus] = above
    confusion[:, rows, 1 - focus] = below
    about = {**scores.about, "threshold": threshold}
    return replace(scores, confusion=confusion, about=about)


def _histogram(scores: FrameScores) -> np.ndarray:
    if scores.histogram is None:
        raise ValueError(
            f"the scores of {scores.about.get('run')} hold no probabilities, so no "
            f"threshold can be chosen: compare them by argmax"
        )
    return scores.histogram


def at_validation_thresholds(
    arm: Arm, validations: Mapping[FoldSeed, FrameScores]
) -> Arm:
    """Decide each run at its best threshold on the validation part.

    Args:
        arm: Runs scored on the test part.
        validations: Scores of the same weights on the validation part, by run.

    Raises:
        ValueError: A validation shares a frame with the scores of its run, no threshold
            finds the class, or as for ``at_threshold``.
    """
    runs = {}
    for run, scores in arm.runs.items():
        validation = validations[run]
        if set(frame_keys(validation)) & set(frame_keys(scores)):
            raise ValueError(
                f"arm {arm.name}, {run}: a threshold chosen on the frames that are "
                f"scored gives optimistic scores; test on a separate part"
            )
        runs[run] = at_threshold(scores, _best(_histogram(validation), arm, run))
    return Arm(arm.name, runs)


def at_cross_fitted_thresholds(arm: Arm) -> Arm:
    """Decide each run at the best threshold of the other folds of the arm.

    Each frame is validated by one fold; the threshold there is chosen on the runs, with
    any seed, and the frames of all other folds: cross-fitting of a nuisance parameter
    (Chernozhukov et al., "Double/debiased machine learning for treatment and structural
    parameters", The Econometrics Journal 21(1), 2018).

    Args:
        arm: Runs of two or more folds, scored on the validation parts.

    Raises:
        ValueError: There is one fold only, folds share frames, no threshold finds the
            class, or as for ``at_threshold``.
    """
    if len({run.fold for run in arm.runs}) < 2:
        raise ValueError(
            f"arm {arm.name} has one fold: its threshold would be chosen on the frames "
            f"it is scored on. Give more folds, or compare the test part"
        )
    runs = {}
    for run, scores in arm.runs.items():
        others = [each for other, each in arm.runs.items() if other.fold != run.fold]
        if set(frame_keys(scores)).intersection(*map(frame_keys, others)):
            raise ValueError(
                f"arm {arm.name}: its folds are scored on the same frames; thresholds "
                f"of other folds are for the held-out part (val)"
            )
        pooled = np.concatenate([_histogram(each) for each in others])
        runs[run] = at_threshold(scores, _best(pooled, arm, run))
    return Arm(arm.name, runs)


def _best(histogram: np.ndarray, arm: Arm, run: FoldSeed) -> float:
    point = best_operating_point(threshold_curve(histogram))
    if point is None:
        raise ValueError(
            f"arm {arm.name}, {run}: no threshold finds a pixel of the class in the "
            f"frames it is chosen on"
        )
    return point.threshold

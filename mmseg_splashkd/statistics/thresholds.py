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
    frame_thresholds,
    threshold_curve,
    thresholds_of_other_parts,
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
    return _decided(scores, np.full(len(scores), threshold), threshold)


def _decided(
    scores: FrameScores, thresholds: np.ndarray, about: float | tuple[float, ...]
) -> FrameScores:
    """Counts at the threshold of each frame; ``about`` of the result names them."""
    if len(scores.classes) != 2:
        raise ValueError(
            f"a threshold on {scores.focus} alone does not decide which other class a "
            f"pixel is, of {scores.classes}: compare them by argmax"
        )
    histogram, edges = _histogram(scores), thresholds * BINS
    if not ((edges >= 0) & (edges <= BINS) & (edges == edges.astype(int))).all():
        raise ValueError(f"threshold={about} is not a multiple of 1/{BINS} in [0, 1]")
    is_above = np.arange(BINS) >= edges[:, None, None]
    above = (histogram * is_above).sum(-1)
    below = histogram.sum(-1) - above
    focus = scores.focus_index
    rows = [1 - focus, focus]  # of the histogram: other class, focus class
    confusion = np.empty_like(scores.confusion)
    confusion[:, rows, focus] = above
    confusion[:, rows, 1 - focus] = below
    return replace(
        scores, confusion=confusion, about={**scores.about, "threshold": about}
    )


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
    """Decide each run at thresholds that are chosen on other frames of the arm.

    Each frame is validated by one fold; the threshold there is chosen on the runs, with
    any seed, and the frames of all other folds (see ``operating_point.cross_fit``). A
    run of an arm with one fold is decided as in ``OperatingPoint.Dice``: each block in
    time at the threshold that is best on its other blocks.

    Args:
        arm: Runs scored on the validation parts.

    Raises:
        ValueError: Folds share frames, or as for ``at_threshold``.
    """
    folds = list(dict.fromkeys(run.fold for run in arm.runs))
    if len(folds) == 1:
        runs = {run: _by_blocks(scores) for run, scores in arm.runs.items()}
        return Arm(arm.name, runs)
    histograms = {run: _histogram(scores) for run, scores in arm.runs.items()}
    part = [folds.index(run.fold) for run, each in histograms.items() for _ in each]
    chosen = thresholds_of_other_parts(
        np.concatenate(list(histograms.values())), np.array(part)
    )
    runs = {}
    for run, scores in arm.runs.items():
        others = [each for other, each in arm.runs.items() if other.fold != run.fold]
        if set(frame_keys(scores)).intersection(*map(frame_keys, others)):
            raise ValueError(
                f"arm {arm.name}: its folds are scored on the same frames; thresholds "
                f"of other folds are for the held-out part (val)"
            )
        runs[run] = at_threshold(scores, chosen[folds.index(run.fold)])
    return Arm(arm.name, runs)


def _by_blocks(scores: FrameScores) -> FrameScores:
    _histogram(scores)
    thresholds = frame_thresholds(scores)
    return _decided(scores, thresholds, tuple(sorted(set(thresholds.tolist()))))


def _best(histogram: np.ndarray, arm: Arm, run: FoldSeed) -> float:
    point = best_operating_point(threshold_curve(histogram))
    if point is None:
        raise ValueError(
            f"arm {arm.name}, {run}: no threshold finds a pixel of the class in the "
            f"frames it is chosen on"
        )
    return point.threshold

"""Thresholds chosen on other frames, against a search over all thresholds."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from mmseg_splashkd.evaluation.operating_point import cross_fitted_dice
from mmseg_splashkd.statistics import Arm, FoldSeed
from mmseg_splashkd.statistics.thresholds import (
    at_cross_fitted_thresholds,
    at_threshold,
    at_validation_thresholds,
)
from tests.statistics.drawn import best_threshold, confusion, drawn

RUN = FoldSeed(0, 0)


@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.5, 100 / 256, 1.0])
def test_counts_are_those_of_a_decision_pixel_by_pixel(threshold):
    probability, label, scores = drawn(0)
    decided = at_threshold(scores, threshold)
    expected = confusion(probability >= threshold, label)
    assert np.array_equal(decided.confusion, expected)
    assert decided.about["threshold"] == threshold


def test_half_is_argmax():
    scores = drawn(1)[2]
    assert np.array_equal(at_threshold(scores, 0.5).confusion, scores.confusion)


def test_threshold_is_the_best_of_the_validation_part_of_the_run():
    boldness = {FoldSeed(None, 0): 0.6, FoldSeed(None, 1): 0.9}
    validated = {run: drawn(2, boldness=each) for run, each in boldness.items()}
    tested = {run: drawn(3, 100, each)[2] for run, each in boldness.items()}
    arm = at_validation_thresholds(
        Arm("a", tested), {run: each[2] for run, each in validated.items()}
    )
    thresholds = [scores.about["threshold"] for scores in arm.runs.values()]
    assert thresholds == [
        best_threshold(probability, label)
        for probability, label, _ in validated.values()
    ]
    assert thresholds[0] < 0.5 < thresholds[1]


RULES = {
    "other folds": lambda run, other: other.fold != run.fold,
    "itself": lambda run, other: other == run,
    "its own fold": lambda run, other: other.fold == run.fold,
    "all other runs": lambda run, other: other != run,
    "other folds of its seed": lambda run, other: (
        other.fold != run.fold and other.seed == run.seed
    ),
    "all runs": lambda run, other: True,
}


def test_thresholds_of_folds_and_seeds_come_from_all_runs_of_the_other_folds():
    drawings = {
        FoldSeed(fold, seed): drawn(
            10 * fold + seed, 10 * fold, 0.4 + 0.2 * fold + 0.15 * seed
        )
        for fold, seed in product(range(3), range(2))
    }
    arm = Arm("a", {run: each[2] for run, each in drawings.items()})
    decided = at_cross_fitted_thresholds(arm).runs
    assert list(decided) == list(drawings)

    def thresholds(rule) -> list[float]:
        chosen_on = [[o for o in drawings if rule(run, o)] for run in drawings]
        parts = [
            zip(*(drawings[run][:2] for run in runs), strict=True) for runs in chosen_on
        ]
        return [best_threshold(*map(np.concatenate, part)) for part in parts]

    actual = [scores.about["threshold"] for scores in decided.values()]
    same = [name for name, rule in RULES.items() if thresholds(rule) == actual]
    assert same == ["other folds"]


def test_one_fold_is_decided_as_in_the_metric_of_its_validation():
    drawings = {FoldSeed(None, seed): drawn(seed, 0, 0.6) for seed in range(2)}
    arm = Arm("a", {run: each[2] for run, each in drawings.items()})
    decided = at_cross_fitted_thresholds(arm).runs
    for run, (probability, label, scores) in drawings.items():
        expected = []
        for frame in range(4):  # blocks of one frame each, since all have the class
            others = np.arange(4) != frame
            threshold = best_threshold(probability[others], label[others])
            expected.append(confusion(probability >= threshold, label)[frame])
        assert np.array_equal(decided[run].confusion, np.stack(expected))
        hit, areas = decided[run].confusion[:, 1, 1].sum(), decided[run].confusion
        dice = 200 * hit / (areas[:, :, 1].sum() + areas[:, 1].sum())
        assert dice == pytest.approx(cross_fitted_dice(scores))


def test_frames_that_are_scored_choose_no_threshold():
    scores = drawn(4)[2]
    with pytest.raises(ValueError, match="gives optimistic scores"):
        at_validation_thresholds(Arm("a", {RUN: scores}), {RUN: scores})
    with pytest.raises(ValueError, match="the same frames"):
        at_cross_fitted_thresholds(Arm("a", {RUN: scores, FoldSeed(1, 0): scores}))


def test_undecidable_scores_are_refused():
    scores = drawn(5)[2]
    with pytest.raises(ValueError, match="not a multiple"):
        at_threshold(scores, 0.3)
    with pytest.raises(ValueError, match="no probabilities"):
        at_threshold(replace(scores, histogram=None), 0.5)
    three = replace(
        scores,
        confusion=np.zeros((len(scores), 3, 3), int),
        classes=(*scores.classes, "net"),
    )
    with pytest.raises(ValueError, match="does not decide which other class"):
        at_threshold(three, 0.5)
    absent = drawn(6, 100, boldness=0.0)[2]
    with pytest.raises(ValueError, match="a, fold 0, seed 0: no threshold finds"):
        at_validation_thresholds(Arm("a", {RUN: scores}), {RUN: absent})

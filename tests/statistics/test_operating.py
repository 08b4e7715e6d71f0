import numpy as np
import pytest

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.statistics.arms import Arm, FoldSeed
from mmseg_splashkd.statistics.operating import (
    at_points_of_other_folds,
    at_stored_points,
    decided_at,
)
from tests.statistics.drawn import (
    CLASSES,
    best_threshold,
    confusion,
    drawn,
)


@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.5, 100 / 256, 1.0])
def test_counts_are_those_of_a_decision_pixel_by_pixel(threshold):
    probability, label, scores = drawn(0)
    decided = decided_at(scores, threshold)
    expected = confusion(probability >= threshold, label)
    assert np.array_equal(decided.confusion, expected)
    assert decided.about["threshold"] == threshold


def test_half_is_argmax():
    scores = drawn(1)[2]
    assert np.array_equal(decided_at(scores, 0.5).confusion, scores.confusion)


def test_threshold_is_the_best_of_the_frames_to_validate():
    probability, label, val = drawn(2, boldness=0.6)
    test = drawn(3, first=100, boldness=0.6)[2]
    cell = FoldSeed(0, 0)
    arm = at_stored_points(Arm("a", {cell: test}), {cell: val})
    assert arm.first.about["threshold"] == best_threshold(probability, label)
    assert arm.first.about["threshold"] < 0.5


def test_threshold_of_a_fold_comes_from_the_others_alone():
    drawings = [drawn(seed, 10 * seed, 0.5 + 0.1 * seed) for seed in range(3)]
    runs = {FoldSeed(fold, 0): one[2] for fold, one in enumerate(drawings)}
    decided = at_points_of_other_folds(Arm("a", runs)).runs
    for fold in range(3):
        others = [one for other, one in enumerate(drawings) if other != fold]
        probability = np.concatenate([one[0] for one in others])
        label = np.concatenate([one[1] for one in others])
        threshold = decided[FoldSeed(fold, 0)].about["threshold"]
        assert threshold == best_threshold(probability, label)


def test_refuses_frames_that_would_flatter():
    scores = drawn(4)[2]
    cell = FoldSeed(0, 0)
    with pytest.raises(ValueError, match="flatters"):
        at_stored_points(Arm("a", {cell: scores}), {cell: scores})
    with pytest.raises(ValueError, match="one fold"):
        at_points_of_other_folds(Arm("a", {cell: scores}))
    with pytest.raises(ValueError, match="the same frames"):
        at_points_of_other_folds(Arm("a", {cell: scores, FoldSeed(1, 0): scores}))


def test_refuses_what_cannot_be_decided():
    scores = drawn(5)[2]
    with pytest.raises(ValueError, match="no multiple"):
        decided_at(scores, 0.3)
    blind = FrameScores(
        confusion=scores.confusion,
        histogram=None,
        frames=scores.frames,
        recordings=scores.recordings,
        timestamps=scores.timestamps,
        classes=CLASSES,
        focus="splash",
    )
    with pytest.raises(ValueError, match="no probabilities"):
        decided_at(blind, 0.5)

"""Cross-fitted Dice against decisions made pixel by pixel in float64."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mmseg_splashkd.evaluation.frame_scores import BINS, FrameScores
from mmseg_splashkd.evaluation.operating_point import METRIC, cross_fitted_dice
from mmseg_splashkd.evaluation.operating_point.cross_fit import (
    blocks_in_time,
    cross_fitted_areas,
)
from tests.statistics.drawn import best_threshold, drawn

SECOND = 10**9


def blocks(true, recordings=None, timestamps=None) -> list[int]:
    count = len(true)
    times = np.full(count, -1) if timestamps is None else np.array(timestamps)
    return blocks_in_time(np.array(true), recordings or "a" * count, times).tolist()


def test_name():
    assert METRIC == "OperatingPoint.Dice"


@pytest.mark.parametrize("boldness", [0.3, 0.6, 1.0])
def test_dice_is_that_of_pixels_decided_at_the_threshold_of_other_blocks(boldness):
    probability, label, scores = drawn(7, boldness=boldness, frames=10)
    block = np.arange(10) // 2  # all frames have the class
    hit = found = true = 0
    for each in range(5):
        chosen_on, scored = block != each, block == each
        threshold = best_threshold(probability[chosen_on], label[chosen_on])
        valid = label[scored] != 255
        decided = (probability[scored] >= threshold)[valid]
        truth = (label[scored] == 1)[valid]
        hit += int((decided & truth).sum())
        found += int(decided.sum())
        true += int(truth.sum())
    assert cross_fitted_areas(scores) == (hit, found, true)
    assert cross_fitted_dice(scores) == pytest.approx(200 * hit / (found + true))


def test_no_frame_chooses_its_own_threshold():
    """Frame 0 needs the threshold 0.2, frame 1 the threshold 0.8."""
    histogram = np.zeros((2, 2, BINS), int)
    for index, (other, own) in enumerate([(30, 60), (180, 220)]):
        histogram[index, 0, other] = 90
        histogram[index, 1, own] = 10
    scores = with_histogram(histogram)
    # Nothing of frame 0 reaches 0.7, and all pixels of frame 1 reach 0.2.
    assert cross_fitted_areas(scores) == (10, 100, 20)
    assert cross_fitted_dice(scores) == pytest.approx(200 * 10 / 120)


def with_histogram(histogram, classes=("water", "splash")) -> FrameScores:
    count = len(histogram)
    return FrameScores(
        confusion=np.zeros((count, len(classes), len(classes)), int),
        histogram=histogram,
        frames=tuple(f"{index}.png" for index in range(count)),
        recordings=("a",) * count,
        timestamps=np.full(count, -1),
        classes=classes,
        focus=classes[-1],
    )


def test_many_classes_have_a_point_of_the_focus_class():
    two = drawn(8)[2]
    assert two.histogram is not None
    three = with_histogram(two.histogram, ("water", "net", "splash"))
    assert cross_fitted_dice(three) == cross_fitted_dice(two) > 0


def test_what_is_undefined_is_nan():
    _, _, scores = drawn(9)
    assert scores.histogram is not None
    assert math.isnan(cross_fitted_dice(replace(scores, histogram=None)))
    absent = scores.histogram.copy()
    absent[:, 1] = 0
    assert math.isnan(cross_fitted_dice(replace(scores, histogram=absent)))


def test_a_single_frame_with_the_class_is_decided_at_a_half():
    histogram = np.zeros((3, 2, BINS), int)
    histogram[:, 0, 10] = 50
    histogram[1, 1, 200] = 4
    histogram[1, 1, 100] = 6
    # No other frame tells a threshold.
    assert cross_fitted_areas(with_histogram(histogram)) == (4, 4, 10)


@pytest.mark.parametrize(
    ("true", "expected"),
    [
        ([5] * 10, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]),
        ([5, 5, 5], [0, 1, 2]),
        ([0, 0, 0, 0, 5, 5], [0, 0, 0, 0, 0, 1]),  # a burst at the end
        ([5, 0, 0, 0, 0, 5], [0, 0, 0, 1, 1, 1]),
        ([0, 5, 0], [0, 0, 0]),
        ([0, 0, 0], [0, 0, 0]),
        ([], []),
    ],
    ids=["always", "few", "late burst", "both ends", "single", "absent", "no frame"],
)
def test_blocks_hold_equally_many_frames_with_the_class(true, expected):
    assert blocks(true) == expected


def test_blocks_follow_recordings_and_time():
    true = [1] * 6
    times = np.array([3, 1, 2, 6, 5, 4]) * SECOND
    # In order: frames 2, 0, 4, 3 of recording a, then frames 1 and 5 of b.
    assert blocks(true, "abaaab", times) == [0, 3, 0, 2, 1, 4]
    assert blocks(true, "abaaab") == [0, 3, 0, 1, 2, 4]  # no time: as they are listed


def test_every_frame_with_the_class_has_others_in_other_blocks():
    rng = np.random.default_rng(0)
    for _ in range(200):
        count = int(rng.integers(2, 30))
        true = (rng.random(count) < 0.4).astype(int)
        recordings = rng.choice(list("abc"), count).tolist()
        part = np.array(blocks(true, recordings, rng.permutation(count)))
        of_class = np.bincount(part[true > 0])
        expected = min(5, max(1, int(true.sum())))
        assert len(np.unique(part)) == expected
        if true.any():
            assert len(of_class) == expected
            assert of_class.max() - of_class.min() <= 1

"""Cross-fitted Dice against decisions made pixel by pixel in float64."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mmseg_splashkd.evaluation.frame_scores import BINS, FrameScores
from mmseg_splashkd.evaluation.operating_point import METRIC, cross_fitted_dice
from mmseg_splashkd.evaluation.operating_point.cross_fit import (
    cross_fitted_areas,
    halves_in_time,
)
from tests.statistics.drawn import best_threshold, drawn

SECOND = 10**9


def halves(true, recordings=None, timestamps=None) -> list[int]:
    count = len(true)
    times = np.full(count, -1) if timestamps is None else np.array(timestamps)
    return halves_in_time(np.array(true), recordings or "a" * count, times).tolist()


def test_name():
    assert METRIC == "OperatingPoint.Dice"


@pytest.mark.parametrize("boldness", [0.3, 0.6, 1.0])
def test_dice_is_that_of_pixels_decided_at_the_threshold_of_the_other_half(boldness):
    probability, label, scores = drawn(7, boldness=boldness, frames=6)
    hit = found = true = 0
    for scored, chosen_on in ((slice(3), slice(3, 6)), (slice(3, 6), slice(3))):
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
    """Frames 0 and 1 need the threshold 0.2, frames 2 and 3 the threshold 0.8."""
    histogram = np.zeros((4, 2, BINS), int)
    for index, (other, own) in enumerate([(30, 60)] * 2 + [(180, 220)] * 2):
        histogram[index, 0, other] = 90
        histogram[index, 1, own] = 10
    scores = with_histogram(histogram)
    # Of the first half nothing reaches 0.7, in the second half all pixels reach 0.5.
    assert cross_fitted_areas(scores) == (20, 200, 40)
    assert cross_fitted_dice(scores) == pytest.approx(200 * 20 / 240)


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
    # The half without the class tells no threshold; its frames get the best of the
    # other half, 100 / 256, which they do not reach.
    assert cross_fitted_areas(with_histogram(histogram)) == (4, 4, 10)


@pytest.mark.parametrize(
    ("true", "expected"),
    [
        ([0, 0, 0, 0], [0, 0, 1, 1]),
        ([5, 5, 5, 5], [0, 0, 1, 1]),
        ([0, 0, 0, 0, 5, 5], [0, 0, 0, 0, 0, 1]),  # a burst at the end
        ([5, 0, 0, 0, 0, 5], [0, 0, 0, 1, 1, 1]),
        ([5, 5, 5], [0, 0, 1]),
        ([0, 5, 0], [0, 0, 0]),
        ([], []),
    ],
    ids=["absent", "always", "late burst", "both ends", "odd", "single", "no frame"],
)
def test_halves_hold_equally_many_frames_with_the_class(true, expected):
    assert halves(true) == expected


def test_halves_are_cut_in_each_recording_in_the_order_of_time():
    true = [1, 1, 1, 1, 1, 1]
    times = [3, 1, 2, 6, 5, 4]
    assert halves(true, "abaaab", np.array(times) * SECOND) == [0, 0, 0, 1, 1, 1]
    assert halves(true, "abaaab") == [0, 0, 0, 1, 1, 1]  # no time: as they are listed


def test_photos_that_are_recordings_of_their_own_alternate():
    assert halves([1] * 5, "abcde") == [0, 1, 0, 1, 0]


def test_any_set_with_two_frames_of_the_class_has_it_in_both_halves():
    rng = np.random.default_rng(0)
    for _ in range(200):
        count = int(rng.integers(2, 12))
        true = (rng.random(count) < 0.4).astype(int)
        recordings = rng.choice(list("abc"), count).tolist()
        part = np.array(halves(true, recordings, rng.permutation(count)))
        of_class = np.bincount(part[true > 0], minlength=2)
        assert abs(int(of_class[0]) - int(of_class[1])) <= 1

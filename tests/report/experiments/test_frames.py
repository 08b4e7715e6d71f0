"""Frames that are shown: typical ones, and those on which two arms differ."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mmseg_splashkd.report.experiments.frames import (
    disagreements,
    frames_of,
    typical_frames,
)
from tests.report.experiments.test_over_time import runs, scores


def arm_with(missed, splash=None, false=None):
    """An arm with one run; pixels per frame of 100."""
    count = len(missed)
    found = scores([0] * count, range(count), ["a"] * count)
    splash = [20] * count if splash is None else splash
    false = [0] * count if false is None else false
    confusion = [
        [[100 - s - f, f], [m, s - m]]
        for m, s, f in zip(missed, splash, false, strict=True)
    ]
    return runs(replace(found, confusion=np.array(confusion)))


def gains(first, second):
    frames = frames_of([arm_with(first), arm_with(second)])
    return [each.gain for each in disagreements(frames)]


def chosen(*arms):
    """Index of the frame -> reasons."""
    typical = typical_frames(frames_of(arms), "splash")
    return {frame.timestamp // 10**9: reasons for reasons, frame in typical}


def test_counts_of_a_frame_by_hand():
    # 20 px of splash, 5 missed, 10 false alarms: Dice 2 * 15 / (20 + 25).
    (frame,) = frames_of([arm_with([5], false=[10]), arm_with([0])])
    assert frame.wrong == (15, 0)
    assert frame.gain == 15
    assert frame.area == 20
    assert frame.false_alarms == (10, 0)
    assert frame.dice == (pytest.approx(100 * 30 / 45), 100)
    assert frame.place == "a, 1970-01-01 00:00:00 UTC"


def test_dice_of_a_class_in_neither_map_is_nan():
    (frame,) = frames_of([arm_with([0], splash=[0])])
    assert math.isnan(frame.dice[0])


def test_three_each_way_the_largest_first():
    first, second = np.zeros(40, int), np.zeros(40, int)
    first[[0, 10, 20, 30]] = 4, 7, 5, 6
    second[[5, 15]] = 2, 9
    assert gains(first, second) == [7, 6, 5, -9, -2]


def test_neighbours_are_shown_once():
    first = np.zeros(40, int)
    first[[10, 11, 12, 13]] = 9, 8, 7, 6
    assert gains(first, np.zeros(40, int)) == [9, 6]


def test_the_same_errors_are_no_disagreement():
    assert gains([3, 4], [3, 4]) == []


def test_one_frame_for_each_reason():
    arm = arm_with(
        missed=[0, 1, 1, 2, 0], splash=[0, 6, 12, 3, 0], false=[0, 0, 0, 0, 2]
    )
    # Dice: 91, 96, 50 %; only the last frame has false alarms.
    assert chosen(arm) == {
        2: "Most splash",
        1: "Onset of splash",
        4: "No splash, most false alarms",
        3: "Lowest Dice",
    }


def test_the_onset_is_another_frame_than_the_one_with_most():
    reasons = chosen(arm_with(missed=[0] * 5, splash=[0, 12, 0, 6, 11]))
    assert reasons[1].startswith("Most splash")
    assert reasons[3] == "Onset of splash"  # 11 is more, but less than doubles


def test_one_frame_may_have_two_reasons():
    reasons = chosen(arm_with(missed=[0, 5], splash=[4, 5]))
    assert reasons == {1: "Most splash · Lowest Dice"}


def test_the_lowest_dice_is_a_mean_over_the_arms():
    first = arm_with(missed=[2, 0, 1], splash=[4, 5, 6])
    second = arm_with(missed=[0, 4, 0], splash=[4, 5, 6])
    # Means of Dice: (67 + 100) / 2, (100 + 33) / 2, (91 + 100) / 2.
    assert chosen(first)[0] == "Lowest Dice"
    assert chosen(first, second)[1] == "Lowest Dice"


def test_frames_of_the_lowest_seed_only():
    one = scores([1], [0], ["a"])
    (frame,) = frames_of([runs(one, scores([9], [0], ["a"])), runs(one, one)])
    assert frame.wrong == (1, 1)

"""Which frames two arms are shown on."""

import numpy as np

from mmseg_splashkd.report.experiments.disagreement import disagreements
from tests.report.experiments.test_over_time import runs, scores


def gains(first, second):
    count = len(first)
    seconds, recordings = range(count), ["a"] * count
    arms = [runs(scores(missed, seconds, recordings)) for missed in (first, second)]
    return [each.gain for each in disagreements(*arms)]


def test_three_each_way_the_largest_first():
    first = np.zeros(40, int)
    second = np.zeros(40, int)
    first[[0, 10, 20, 30]] = 4, 7, 5, 6
    second[[5, 15]] = 2, 9
    assert gains(first, second) == [7, 6, 5, -9, -2]


def test_neighbours_are_shown_once():
    first = np.zeros(40, int)
    first[[10, 11, 12, 13]] = 9, 8, 7, 6
    assert gains(first, np.zeros(40, int)) == [9, 6]


def test_the_same_errors_are_no_disagreement():
    assert gains([3, 4], [3, 4]) == []


def test_other_errors_count_whole_frames():
    (found,) = disagreements(
        runs(scores([3], [7], ["cam"])), runs(scores([1], [7], ["cam"]))
    )
    assert found.wrong == (3, 1)
    assert found.moment == "cam, 1970-01-01 00:00:07 UTC"

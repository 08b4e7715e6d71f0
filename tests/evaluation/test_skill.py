import math

import numpy as np
import pytest

from mmseg_splashkd.evaluation.skill import Skill, dice_skill, iou_skill


def test_dice_of_the_best_threshold_and_of_the_class_everywhere():
    # 10 pixels of the class among 100; 8 of them, and 2 others, with p in [1/2, 3/4).
    histogram = np.array([[88, 0, 2, 0], [2, 0, 8, 0]])
    found = dice_skill(histogram)
    assert found.score == pytest.approx(100 * 16 / 20)
    assert found.trivial == pytest.approx(100 * 20 / 110)
    share = 0.1
    assert found.trivial == pytest.approx(100 * 2 * share / (1 + share))
    assert found.gained == pytest.approx((80 - 200 / 11) / (100 - 200 / 11))


def test_probabilities_without_information_gain_nothing():
    assert dice_skill(np.array([[90, 0], [10, 0]])) == Skill(0.0, 100 * 20 / 110)
    assert dice_skill(np.array([[0, 90], [0, 10]])).gained == 0


def test_mean_iou_and_that_of_the_most_frequent_class_everywhere():
    confusion = np.array([[60, 0, 0], [10, 20, 0], [0, 0, 10]])
    found = iou_skill(confusion)
    assert found.score == pytest.approx(100 * (60 / 70 + 20 / 30 + 1) / 3)
    assert found.trivial == pytest.approx(100 * 0.6 / 3)
    constant = np.array([[60, 0, 0], [30, 0, 0], [10, 0, 0]])
    assert iou_skill(constant).score == pytest.approx(iou_skill(constant).trivial)


def test_class_without_pixels_is_left_out_or_undefined():
    confusion = np.array([[50, 0, 0], [0, 50, 0], [0, 0, 0]])
    assert iou_skill(confusion) == Skill(100.0, 25.0)
    assert all(map(math.isnan, dice_skill(np.array([[10, 0], [0, 0]]))))
    assert all(map(math.isnan, iou_skill(np.zeros((3, 3), int))))

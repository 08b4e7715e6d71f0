import math

import numpy as np
import pytest

from mmseg_splashkd.report.frames import (
    choose_frames,
    read_image,
    read_maps,
    score_frame,
)

NONE = np.zeros((4, 5), int)


def _splash(pixels, of=NONE):
    """The first so many pixels are splash."""
    return (np.arange(of.size) < pixels).astype(int).reshape(of.shape)


def test_labels_are_mapped_and_predictions_are_not(make_run):
    truth, prediction = [[0, 1, 255], [1, 0, 0]], [[1, 1, 0], [0, 0, 1]]
    run = make_run(truths=[truth], predictions=[prediction])
    read_truth, read_prediction = read_maps(run, 0)
    np.testing.assert_array_equal(read_truth, truth)
    np.testing.assert_array_equal(read_prediction, prediction)
    assert read_image(run.frames[0]).shape == (2, 3, 3)


def test_maps_of_different_size_are_refused(make_run):
    run = make_run(truths=[[[0, 1, 0]]], predictions=[[[0, 1]]])
    with pytest.raises(ValueError, match=r"0\.png: shape \(1, 2\).*\(1, 3\).*plain"):
        read_maps(run, 0)


def test_a_prediction_outside_the_classes_is_refused(make_run):
    run = make_run(truths=[[[0, 1, 0]]], predictions=[[[0, 2, 0]]])
    with pytest.raises(ValueError, match=r"0\.png holds trainId 2.*plain has 2"):
        read_maps(run, 0)


def test_score_by_hand():
    # The last pixel is ignored and counts nowhere.
    truth = np.array([[1, 1, 1, 0, 0, 255]], np.uint8)
    prediction = np.array([[1, 1, 0, 1, 0, 1]], np.uint8)
    splash, background = (score_frame(truth, prediction, focus) for focus in (1, 0))
    assert (splash.hits, splash.missed, splash.false_alarms) == (2, 1, 1)
    assert splash.dice == pytest.approx(100 * 4 / 6)
    assert (background.hits, background.missed, background.false_alarms) == (1, 1, 1)
    assert background.dice == pytest.approx(100 * 2 / 4)


def test_dice_of_a_class_in_neither_map_is_nan():
    empty = np.zeros((2, 2), np.uint8)
    assert math.isnan(score_frame(empty, empty, 1).dice)


def test_the_telling_frames_are_chosen(make_run):
    truths = [NONE, _splash(6), _splash(12), _splash(3), NONE]
    predictions = [NONE, _splash(5), _splash(11), _splash(1), _splash(2)]
    run = make_run(truths=truths, predictions=predictions)
    # Dice: 6 of 6 + 5 -> 91, 12 + 11 -> 96, 3 + 1 -> 50; the last has 2 false alarms.
    assert choose_frames([run]) == {
        2: ["Most splash"],
        1: ["Onset of splash"],
        4: ["No splash"],
        3: ["Lowest Dice"],
    }


def test_the_onset_is_another_frame_than_the_one_with_most(make_run):
    run = make_run(truths=[NONE, _splash(12), NONE, _splash(6), _splash(11)])
    chosen = choose_frames([run])
    assert chosen[1][0] == "Most splash"
    assert chosen[3] == ["Onset of splash"]  # 11 is more, but less than doubles


def test_one_frame_may_be_chosen_twice(make_run):
    run = make_run(truths=[_splash(4), _splash(5)], predictions=[_splash(4), NONE])
    assert choose_frames([run]) == {1: ["Most splash", "Lowest Dice"]}


def test_the_lowest_dice_is_a_mean_over_the_runs(make_run):
    truths = [_splash(4), _splash(5), _splash(6)]
    first = make_run("first", truths, [_splash(2), _splash(5), _splash(5)])
    second = make_run("second", truths, [_splash(4), _splash(1), _splash(6)])
    # Means of Dice: (67 + 100) / 2, (100 + 33) / 2, (91 + 100) / 2.
    assert choose_frames([first])[0] == ["Lowest Dice"]
    assert choose_frames([first, second])[1] == ["Lowest Dice"]


def test_the_focus_decides(make_run):
    run = make_run(truths=[_splash(5), _splash(8)])
    assert choose_frames([run], "background")[0][0] == "Most background"
    assert choose_frames([run], "splash")[1][0] == "Most splash"

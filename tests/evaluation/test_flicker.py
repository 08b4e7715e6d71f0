import numpy as np
import pytest

from mmseg_splashkd.evaluation.flicker import flicker_metrics, transitions

CLASSES = ("water", "splash")


def still(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(1, -1, 1).repeat(3, 2)


def test_only_unchanged_pixels_count():
    images = still(10, 10, 10, 200), still(10, 22, 23, 10)
    predictions = np.array([[0, 1, 0, 1]]), np.array([[1, 1, 1, 0]])
    assert transitions(predictions, images, 2, 12).tolist() == [[0, 1], [0, 1]]
    assert transitions(predictions, images, 2, 0).tolist() == [[0, 1], [0, 0]]
    assert transitions(predictions, images, 2, 255).sum() == 4


def test_one_changed_channel_is_a_change():
    first, second = still(10, 10), still(10, 10).copy()
    second[0, 1, 2] = 40
    predictions = np.array([[0, 0]]), np.array([[1, 1]])
    assert transitions(predictions, (first, second), 2).sum() == 1


def test_counts_are_those_of_numpy():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 30, (2, 7, 9, 3)).astype(np.uint8)
    first, second = rng.integers(0, 3, (2, 7, 9)).astype(np.uint8)
    counts = transitions((first, second), (images[0], images[1]), 3, 15)
    expected = np.zeros((3, 3), int)
    for y in range(7):
        for x in range(9):
            change = images[0, y, x].astype(float) - images[1, y, x]
            if np.abs(change).max() <= 15:
                expected[first[y, x], second[y, x]] += 1
    assert counts.tolist() == expected.tolist()
    assert 0 < counts.sum() < 63


def test_figures_by_hand():
    figures = flicker_metrics(np.array([[90, 2], [3, 5]]), CLASSES)
    assert figures == pytest.approx(
        {
            "Flicker": 5,
            "TC.water": 100 * 90 / 95,
            "TC.splash": 50,
            "mTC": 50 * 90 / 95 + 25,
        }
    )


def test_a_class_that_is_never_predicted_has_no_consistency():
    figures = flicker_metrics(np.array([[9, 0], [0, 0]]), CLASSES)
    assert figures == {"Flicker": 0, "TC.water": 100, "mTC": 100}


def test_without_unchanged_pixels_there_are_no_figures():
    assert flicker_metrics(np.zeros((2, 2), int), CLASSES) == {}

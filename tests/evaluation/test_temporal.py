"""Temporal consistency beside plain loops."""

from itertools import pairwise

import numpy as np
import pytest

from mmseg_splashkd.evaluation.flicker import flicker_metrics, transitions
from mmseg_splashkd.evaluation.temporal import (
    consistency_metrics,
    map_transitions,
    window_counts,
    window_metrics,
)

CLASSES = ("water", "splash", "net")


def videos(seed: int, ignored: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and truths of a video of which most pixels keep their class."""
    rng = np.random.default_rng(seed)
    shape = (rng.integers(2, 9), 5, 6)
    truth = np.repeat(rng.integers(0, 3, (1, *shape[1:])), shape[0], 0)
    said = np.where(rng.random(shape[1:]) < 0.2, (truth + 1) % 3, truth)  # wrong
    pair = []
    for base, changed in ((said, 0.1), (truth, 0.2)):
        maps = np.where(rng.random(shape) < changed, rng.integers(0, 3, shape), base)
        pair.append(maps.astype(np.uint8))
    if ignored:
        pair[1][rng.random(shape) < 0.05] = 255
    return pair[0], pair[1]


def by_loops(predictions, truths, window):
    """Shares of each window: correct, stable, and the same of each class."""
    correct, stable = [], []
    for begin in range(len(truths) - window + 1):
        count = np.zeros((3, 3))
        for y in range(truths.shape[1]):
            for x in range(truths.shape[2]):
                true = {int(truths[t, y, x]) for t in range(begin, begin + window)}
                said = {int(predictions[t, y, x]) for t in range(begin, begin + window)}
                if len(true) > 1 or true == {255}:
                    continue
                (kind,) = true
                count[kind] += [1, len(said) == 1, said == true]
        both = np.vstack([count.sum(0), count])
        with np.errstate(invalid="ignore"):
            stable.append(both[:, 1] / both[:, 0])
            correct.append(both[:, 2] / both[:, 0])
    return correct, stable


@pytest.mark.parametrize("window", [2, 3, 5])
def test_figures_are_those_of_loops(window):
    pairs = [videos(seed) for seed in range(8)]
    counts = [window_counts(*pair, window, 3) for pair in pairs]
    metrics = window_metrics(counts, CLASSES, window)
    loops = [by_loops(*pair, window) for pair in pairs if len(pair[0]) >= window]
    for kind, name in ((0, "VC"), (1, "VS")):
        keys = [f"m{name}{window}", *(f"{name}{window}.{each}" for each in CLASSES)]
        for column, key in enumerate(keys):
            shares = [np.array([row[column] for row in loop[kind]]) for loop in loops]
            each = [some[some >= 0].mean() for some in shares if (some >= 0).any()]
            assert metrics[key] == pytest.approx(100 * np.mean(each)), key
    assert metrics[f"mVC{window}"] < metrics[f"mVS{window}"] < 100


def test_figures_by_hand():
    truths = np.array([[[0, 0, 1, 1]], [[0, 0, 1, 0]], [[0, 255, 1, 0]]], np.uint8)
    guesses = np.array([[[0, 0, 0, 1]], [[0, 0, 0, 1]], [[0, 0, 1, 0]]], np.uint8)
    counts = window_counts(guesses, truths, 2, 2)
    assert counts.unchanged.tolist() == [[2, 1], [2, 1]]
    assert counts.stable.tolist() == [[2, 1], [1, 0]]
    assert counts.correct.tolist() == [[2, 0], [1, 0]]
    metrics = window_metrics([counts], ("water", "splash"), 2)
    assert metrics == pytest.approx(
        {
            "mVC2": 50,
            "VC2.water": 75,
            "VC2.splash": 0,
            "mVS2": (1 + 1 / 3) * 50,
            "VS2.water": 75,
            "VS2.splash": 50,
        }
    )


def test_videos_that_are_too_short_have_no_figures():
    counts = window_counts(*videos(0), window=99, num_classes=3)
    assert counts.correct.shape == (0, 3)
    assert window_metrics([counts], CLASSES, 99) == {}
    assert window_metrics([], CLASSES, 8) == {}


def test_transitions_are_those_of_loops_and_of_flicker():
    labels = videos(3)[1]
    expected = np.zeros((3, 3), int)
    for first, second in zip(labels[:-1].flat, labels[1:].flat, strict=True):
        if 255 not in (first, second):
            expected[first, second] += 1
    assert map_transitions(labels, 3).tolist() == expected.tolist()
    labels = videos(4)[0]
    image = np.zeros((*labels.shape[1:], 3), np.uint8)
    pairs = pairwise(labels)
    total = sum(transitions(pair, (image, image), 3) for pair in pairs)
    assert map_transitions(labels, 3).tolist() == np.asarray(total).tolist()


def test_consistency_is_of_all_videos_together():
    both = [videos(seed)[1] for seed in (5, 6)]
    counts = map_transitions(both[0], 3) + map_transitions(both[1], 3)
    figures = consistency_metrics(both, CLASSES)
    assert figures == flicker_metrics(counts, CLASSES)
    assert 0 < figures["mTC"] < 100
    assert consistency_metrics([both[0][:1]], CLASSES) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": 1}, "window=1: give at least 2 frames"),
        (
            {"num_classes": 2},
            r"predictions have the class 2: give classes in \[0, 2\)$",
        ),
        ({"truths": np.full((3, 5, 6), 7, np.uint8)}, r"class 7: .*\[0, 3\), or 255"),
        ({"truths": np.zeros((2, 5, 6), np.uint8)}, "predictions have shape"),
        ({"truths": np.zeros((3, 5, 6))}, "truths have shape .* type float64: give"),
        ({"predictions": np.zeros((5, 6), np.uint8)}, r"shape \(5, 6\)"),
        ({"predictions": np.full((3, 5, 6), 255, np.uint8)}, "the class 255"),
    ],
)
def test_errors_name_argument_and_remedy(change, message):
    predictions = np.tile(np.arange(6, dtype=np.uint8) % 3, (3, 5, 1))
    good = {"predictions": predictions, "truths": predictions}
    good |= {"window": 2, "num_classes": 3}
    with pytest.raises(ValueError, match=message):
        window_counts(**(good | change))

"""When the decision of a model hides what it knows of a class."""

from dataclasses import replace

import numpy as np
import pytest

from mmseg_splashkd.evaluation.frame_scores import BINS, FrameScores
from mmseg_splashkd.evaluation.operating_point import found


def run(shy: int, noise: int = 0, histogram: bool = True) -> FrameScores:
    """Four frames of 1000 pixels, 20 of them splash.

    Args:
        shy: Splash pixels per frame with the probability 0.3, which argmax misses; the
            others have 0.9.
        noise: Pixels of water with the probability 0.9.
    """
    counts = np.zeros((4, 2, BINS), int)
    counts[:, 0, 2], counts[:, 0, 230] = 980 - noise, noise
    counts[:, 1, 77], counts[:, 1, 230] = shy, 20 - shy
    confusion = np.stack([counts[..., :128].sum(-1), counts[..., 128:].sum(-1)], -1)
    return FrameScores(
        confusion=confusion,
        histogram=counts if histogram else None,
        frames=tuple(f"{index}.png" for index in range(4)),
        recordings=("a",) * 4,
        timestamps=np.arange(4),
        classes=("water", "splash"),
        focus="splash",
    )


def test_a_class_found_by_a_threshold_only_is_hardly_found():
    of = found([run(shy=20)])
    assert (of.by_argmax.dice, of.predicted, of.true) == (0, 0, 2.0)
    assert of.operating is not None
    assert of.operating.dice == 100
    assert of.is_hardly_found
    assert not of.is_found_nowhere


@pytest.mark.parametrize(
    ("shy", "noise", "hardly"),
    [
        (0, 0, False),
        (10, 0, False),  # Dice 67 of 100
        (14, 0, True),  # Dice 46 of 100
        (0, 60, False),  # Dice 40, and no threshold does better
    ],
)
def test_far_below_the_operating_point(shy, noise, hardly):
    of = found([run(shy, noise)])
    assert of.is_hardly_found is hardly


def test_predicted_on_less_than_a_tenth_of_its_area():
    assert found([run(shy=19, histogram=False)]).is_hardly_found  # 5 % of it
    assert not found([run(shy=18, histogram=False)]).is_hardly_found  # a tenth of it


def test_runs_are_pooled():
    assert found([run(20), run(20)]).is_hardly_found
    assert not found([run(20), run(0), run(0)]).is_hardly_found
    assert found([run(20), run(0)]).by_argmax == (80, 80, 160)


def test_a_class_that_no_threshold_finds():
    nowhere = run(20)
    assert nowhere.histogram is not None
    blind = np.zeros_like(nowhere.histogram)
    blind[:, :, 40] = nowhere.histogram.sum(-1)
    of = found([replace(nowhere, histogram=blind)])
    assert of.operating is not None
    assert of.operating.dice == pytest.approx(100 * 2 * 20 / 1020)  # everywhere
    assert of.is_found_nowhere
    assert not found([run(20, histogram=False)]).is_found_nowhere  # unknown


def test_an_absent_class_is_not_judged():
    absent = run(0)
    confusion = absent.confusion.copy()
    confusion[:, 1] = 0
    of = found([replace(absent, confusion=confusion, histogram=None)])
    assert not of.is_hardly_found
    assert not of.is_found_nowhere

"""Scores of counts, against those of the package's metric."""

import numpy as np
import pytest
import torch

from mmseg_splashkd.evaluation import areas
from mmseg_splashkd.statistics.metrics import areas_of, parse_metric

CLASSES = ("water", "splash", "bird")


def random_confusion(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 50, (4, 3, 3))


def test_areas_are_those_of_the_pixels():
    rng = np.random.default_rng(0)
    pred, label = rng.integers(0, 3, (2, 4, 9, 7))
    confusion = np.zeros((4, 3, 3), int)
    frame = np.arange(4)[:, None, None]
    np.add.at(confusion, (frame, label, pred), 1)
    for c in range(3):
        expected = [(pred == c) & (label == c), pred == c, label == c]
        assert (areas_of(confusion)[:, :, c] == np.sum(expected, (2, 3)).T).all()


def test_scores():
    rows = areas_of(random_confusion())
    for row in rows:
        expected = areas.scores(torch.from_numpy(row))
        for name, score in (
            ("mIoU", expected.mean_iou),
            ("mDice", expected.mean_dice),
            ("IoU.splash", expected.iou[1]),
            ("Dice.bird", expected.dice[2]),
        ):
            value = parse_metric(name, CLASSES).of(row)
            assert value == pytest.approx(100 * score.item(), rel=1e-12)
    many = parse_metric("mIoU", CLASSES).of(rows.reshape(2, 2, 3, 3))
    assert many.shape == (2, 2)


def test_absent_class_is_left_out_of_the_mean():
    counts = np.zeros((3, 3), np.int64)
    counts[0, 0], counts[0, 1], counts[1, 1] = 6, 2, 2  # no bird anywhere
    expected = areas.scores(torch.from_numpy(areas_of(counts)))
    value = parse_metric("mIoU", CLASSES).of(areas_of(counts))
    assert value == pytest.approx(100 * expected.mean_iou.item())
    assert value == pytest.approx((6 / 8 + 2 / 4) / 2 * 100)
    assert np.isnan(parse_metric("Dice.bird", CLASSES).of(areas_of(counts)))
    assert np.isnan(parse_metric("mDice", CLASSES).of(np.zeros((3, 3))))


def test_a_part_without_a_class_has_the_score_of_the_whole():
    whole = areas_of(np.array([[6, 2, 0], [0, 2, 0], [0, 1, 3]]))
    part = areas_of(np.array([[6, 2, 0], [0, 2, 0], [0, 0, 0]]))
    value = parse_metric("mIoU", CLASSES).of(part, whole)
    assert value == pytest.approx(100 * (6 / 8 + 2 / 4 + 3 / 4) / 3)


@pytest.mark.parametrize("name", ["iou", "Dice", "Dice.fish", "FrameDice.splash", ""])
def test_unknown_names(name: str):
    with pytest.raises(ValueError, match=r"classes are water, splash, bird"):
        parse_metric(name, CLASSES)

"""One pixel of the class is counted like any other, from the crop to the scores."""

from typing import Any

import numpy as np
import pytest
import torch
from mmseg.datasets.transforms import RandomCrop

from mmseg_splashkd.evaluation.bursts import burst_metrics, score_bursts
from mmseg_splashkd.evaluation.dice_metric import DiceMetric
from mmseg_splashkd.evaluation.frame_scores import probability_histogram
from mmseg_splashkd.evaluation.operating_point.curve import (
    average_precision,
    best_operating_point,
    threshold_curve,
)
from tests.evaluation.helpers import data_sample, frame_scores

SIZE = (12, 16)
PIXEL = (7, 11)


def label() -> torch.Tensor:
    drawn = torch.zeros(SIZE, dtype=torch.long)
    drawn[PIXEL] = 1
    return drawn


@pytest.mark.parametrize(("shift", "dice"), [(0, 100.0), (1, 0.0)])
def test_dice_is_defined(shift, dice):
    metric = DiceMetric()
    metric.dataset_meta = {"classes": ("water", "splash")}
    metric.process({}, [data_sample(label(), label().roll(shift, 1))])
    found = metric.compute_metrics(metric.results)
    assert found["Dice.splash"] == found["FrameDice.splash"] == dice
    assert not any(np.isnan(value) for value in found.values())


@pytest.mark.parametrize(("hits", "recall"), [(1, 100.0), (0, 0.0)])
def test_it_is_a_burst(hits, recall):
    calm, pixel = (192, 0, 0, 0), (191, 0, 1 - hits, hits)
    found = score_bursts(frame_scores([calm, pixel, calm]))
    assert [(burst.first, burst.last) for burst in found.bursts] == [(1, 1)]
    assert burst_metrics(found)["Bursts.recall"] == recall


def test_a_threshold_is_chosen_for_it():
    probability = torch.full(SIZE, 0.1)
    probability[PIXEL] = 0.3
    curve = threshold_curve(probability_histogram(probability, label(), 1, 2).numpy())
    point = best_operating_point(curve)
    assert point is not None
    assert 0.1 < point.threshold <= 0.3
    assert (point.dice, point.dice_at_half, average_precision(curve)) == (1, 0, 1)


@pytest.mark.parametrize("value", [0, 255])
def test_crop_that_cannot_be_balanced_is_taken_as_it_is(value):
    """With ``cat_max_ratio``, ten places are tried; the last one is then used."""
    drawn = np.full(SIZE, value, np.uint8)
    drawn[PIXEL] = value or 1
    crop = RandomCrop(crop_size=(6, 8), cat_max_ratio=0.75)
    frame = {"img": np.zeros((*SIZE, 3), np.uint8), "gt_seg_map": drawn}
    frame |= {"seg_fields": ["gt_seg_map"]}
    cropped: Any = crop(frame)
    assert cropped["gt_seg_map"].shape == (6, 8)

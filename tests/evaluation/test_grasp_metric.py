"""Error per map, and the share of correct grasps."""

import numpy as np
import pytest
import torch

from mmseg_splashkd.datasets.grasp_rectangle import Grasp, draw_maps
from mmseg_splashkd.evaluation import GraspMetric

CORNERS = Grasp((40.0, 30.0), 0.5, 40.0).corners()[None]
TRUTH = draw_maps(CORNERS, (64, 80))


def sample(maps: np.ndarray, truth: np.ndarray = TRUTH) -> dict:
    return {
        "pred_depth_map": {"data": torch.from_numpy(maps)},
        "gt_depth_map": {"data": torch.from_numpy(truth)},
        "grasps": CORNERS,
    }


def metrics_of(*maps: np.ndarray) -> dict[str, float]:
    metric = GraspMetric()
    for each in maps:
        metric.process({}, [sample(each)])
    return metric.evaluate(len(maps))


@pytest.mark.filterwarnings("ignore:The prefix is not set")
def test_errors_and_successes_are_those_of_numpy_in_float64():
    noise = np.random.default_rng(0).normal(0, 0.3, (2, *TRUTH.shape))
    maps = (TRUTH + noise).astype(np.float32)
    turned = maps[1].copy()
    turned[1:3] *= -1  # by 90 degrees
    found = metrics_of(maps[0], turned)
    errors = np.abs(np.stack([maps[0], turned]).astype(float) - TRUTH)
    inside = TRUTH[0] > 0
    assert found["Grasp.success"] == 50
    assert found["Grasp.position"] == pytest.approx(errors[:, 0].mean(), rel=1e-5)
    for index, name in enumerate(("cos", "sin", "width"), 1):
        expected = errors[:, index][:, inside].mean()
        assert found[f"Grasp.{name}"] == pytest.approx(expected, rel=1e-5)


def test_perfect_maps():
    found = metrics_of(TRUTH)
    assert found.pop("Grasp.success") == 100
    assert set(found.values()) == {0.0}


def test_maps_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"are \(4, 32, 80\), labelled ones \(4, 64,"):
        GraspMetric().process({}, [sample(TRUTH[:, :32])])

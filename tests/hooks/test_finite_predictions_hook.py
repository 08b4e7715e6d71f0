"""Weights that are finite, and predictions that are not."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_splashkd.hooks.finite_guard_hook import NotFiniteError
from mmseg_splashkd.hooks.finite_predictions_hook import FinitePredictionsHook
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.report.scored_runs import LeftOut, load_run_scores, select_runs
from mmseg_splashkd.runs.test import evaluate
from mmseg_splashkd.runs.train import train
from tests.conftest import PLAIN, tiny_run

LAST_STEP = "predictions are not finite at iteration 1"


def predicted(*logits: float) -> SegDataSample:
    """A frame of one pixel with the logits of its classes."""
    sample = SegDataSample(metainfo={"img_path": "a/7.png"})
    sample.seg_logits = PixelData(data=torch.tensor(logits)[:, None, None])
    return sample


def validate(*samples: SegDataSample) -> None:
    runner: Any = SimpleNamespace(iter=3)
    hook = FinitePredictionsHook()
    hook.before_val_epoch(runner)
    for number, sample in enumerate(samples):
        hook.after_val_iter(runner, number, None, [sample])
    hook.after_val_epoch(runner)


@pytest.mark.parametrize("value", [math.nan, math.inf], ids=["nan", "inf"])
def test_frames_without_finite_logits_are_counted_and_named(value):
    with pytest.raises(NotFiniteError, match=r"1 frames, the first is a/7\.png") as e:
        validate(predicted(0, 1), predicted(0, value))
    assert e.value.reason == "predictions are not finite at iteration 3"


def test_maps_of_a_regression_are_checked_too():
    sample = SegDataSample(metainfo={"img_path": "a/7.png"})
    sample.set_data({"pred_depth_map": PixelData(data=torch.full((4, 2, 2), math.nan))})
    with pytest.raises(NotFiniteError, match=r"1 frames, the first is a/7\.png"):
        validate(sample)


def test_excluded_classes_and_predictions_without_logits_are_legal():
    validate(predicted(0, -math.inf), SegDataSample())


def test_a_validation_forgets_the_one_before():
    runner: Any = SimpleNamespace(iter=3)
    hook = FinitePredictionsHook()
    hook.after_val_iter(runner, 0, None, [predicted(math.nan, 0)])
    hook.before_val_epoch(runner)
    hook.after_val_epoch(runner)


def test_a_run_that_diverges_in_its_last_step_has_failed(pond, tmp_path):
    options = tiny_run(pond) | {
        "optim_wrapper.optimizer.lr": 1e12,
        "param_scheduler": None,
        "train_cfg.max_iters": 1,
        "train_cfg.val_interval": 1,
        "default_hooks.checkpoint.interval": 1,
    }
    with pytest.raises(NotFiniteError, match=LAST_STEP):
        train(PLAIN, tmp_path / "run", cfg_options=options)
    record = read_record(tmp_path / "run")
    assert record is not None
    assert (record.status, record.reason) == ("failed", LAST_STEP)
    assert not list((tmp_path / "run").glob("*best*"))
    (selected,) = select_runs([tmp_path / "run"])
    left_out = load_run_scores(selected, "val", "last")
    assert isinstance(left_out, LeftOut)
    assert left_out.reason == f"failed: {LAST_STEP}"

    weights = tmp_path / "run" / "iter_1.pth"
    with pytest.raises(NotFiniteError, match="predictions are not finite: "):
        evaluate(PLAIN, weights, tmp_path / "test", cfg_options=options)
    assert not list((tmp_path / "test").glob("*.npz"))

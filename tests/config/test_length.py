"""A run made longer keeps its recipe: every count of steps in proportion."""

import math

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.optim import scheduler as schedulers

from mmseg_splashkd.config.length import length_key, of_length
from mmseg_splashkd.config.reading import read_config
from tests.conftest import CONFIGS

ITERATIONS = {"type": "IterBasedTrainLoop", "max_iters": 100, "val_interval": 25}


def config(schedule=None, loop=ITERATIONS, **keys) -> Config:
    return Config({"train_cfg": loop, "param_scheduler": schedule, "model": {}, **keys})


def rates(schedule: dict, steps: int) -> list[float]:
    """Learning rates of mmengine's own schedule."""
    given = dict(schedule)
    kind = getattr(schedulers, given.pop("type"))
    parameter = torch.nn.Parameter(torch.ones(1))
    wrapper = OptimWrapper(torch.optim.SGD([parameter], 1.0))
    made = kind(wrapper, **given)
    found = []
    for _ in range(steps):
        found.append(wrapper.param_groups[0]["lr"])
        wrapper.step()
        made.step()
    return found


@pytest.mark.parametrize(
    "schedule",
    [
        {"type": "PolyLR", "power": 0.9, "begin": 0, "end": 100},
        {"type": "CosineAnnealingLR", "T_max": 100, "eta_min": 0.1},
        {"type": "LinearLR", "start_factor": 0.1, "begin": 10, "end": 60},
        {"type": "MultiStepLR", "milestones": [40, 80]},
        {"type": "StepLR", "step_size": 30},
        {"type": "ExponentialLR", "gamma": 0.97},
        {"type": "OneCycleLR", "eta_max": 1.0, "total_steps": 101},
        {
            "type": "CosineRestartLR",
            "periods": [40, 60],
            "restart_weights": [1, 1],
            "eta_min": 0.0,
        },
    ],
    ids=lambda schedule: schedule["type"],
)
def test_rates_at_the_same_share_of_the_run_are_the_same(schedule):
    schedule = {**schedule, "by_epoch": False}
    options = of_length(config([schedule]), 300)
    prefix = "param_scheduler.0."
    changed = {
        key.removeprefix(prefix): value
        for key, value in options.items()
        if key.startswith(prefix)
    }
    assert changed
    before, after = rates(schedule, 100), rates({**schedule, **changed}, 300)
    for step in (0, 10, 50, 99):
        neighbours = after[max(0, 3 * step - 3) : 3 * step + 4]
        assert min(neighbours) - 0.03 <= before[step] <= max(neighbours) + 0.03


def test_what_counts_steps_is_stretched_and_what_counts_validations_is_not():
    cfg = config(
        {"type": "ReduceOnPlateauLR", "monitor": "mIoU", "patience": 5, "end": 90},
        default_hooks={"checkpoint": {"type": "CheckpointHook", "interval": 50}},
        custom_hooks=[{"type": "EMAHook", "begin_iter": 10}, {"type": "A", "every": 3}],
        model={
            "distill_loss": {
                "teacher_ratio": {"kind": "linear", "end": 0.5, "until": 40},
                "terms": [{"weight": {"end": 1.0, "stop_at": 90}}, {"weight": 2.0}],
            },
            "temporal_loss": {"weight": {"kind": "cosine", "end": 1.0, "until": 20}},
        },
    )
    assert of_length(cfg, 150) == {
        "train_cfg.max_iters": 150,
        "train_cfg.val_interval": 38,
        "default_hooks.checkpoint.interval": 75,
        "custom_hooks.0.begin_iter": 15,
        "model.distill_loss.teacher_ratio.until": 60,
        "model.distill_loss.terms.0.weight.stop_at": 135,
        "model.temporal_loss.weight.until": 30,
    }


@pytest.mark.parametrize("length", range(100, 260, 7))
@pytest.mark.parametrize("every", [7, 25, 40, 100])
def test_there_are_never_more_validations(length, every):
    cfg = config(loop={**ITERATIONS, "val_interval": every})
    options = of_length(cfg, length) or {"train_cfg.val_interval": every}
    after = math.ceil(length / options["train_cfg.val_interval"])
    assert math.ceil(100 / every) - 1 <= after <= math.ceil(100 / every)


def test_a_shorter_run_has_the_same_share_of_everything():
    warmup = {"type": "LinearLR", "by_epoch": False, "begin": 0, "end": 4}
    poly = {"type": "PolyLR", "by_epoch": False, "begin": 4, "end": 100}
    assert of_length(config([warmup, poly]), 10) == {
        "train_cfg.max_iters": 10,
        "train_cfg.val_interval": 3,
        "param_scheduler.0.end": 1,  # 0.4, but a schedule has a step
        "param_scheduler.1.begin": 1,
        "param_scheduler.1.end": 10,
    }


def test_a_loop_of_epochs():
    loop = {"type": "EpochBasedTrainLoop", "max_epochs": 20}
    cfg = config({"type": "CosineAnnealingLR", "T_max": 20}, loop)
    assert length_key(cfg) == "max_epochs"
    assert of_length(cfg, 30) == {
        "train_cfg.max_epochs": 30,
        "train_cfg.val_interval": 2,
        "param_scheduler.T_max": 30,
    }


def test_schedules_of_several_optimizers():
    poly = {"type": "PolyLR", "by_epoch": False, "end": 100}
    options = of_length(config({"one": poly, "two": [poly]}), 200)
    assert options["param_scheduler.one.end"] == 200
    assert options["param_scheduler.two.0.end"] == 200


def test_a_schedule_without_end_has_none_afterwards():
    cfg = config([{"type": "ConstantLR", "by_epoch": False, "end": int(1e9)}])
    assert of_length(cfg, 200)["param_scheduler.0.end"] == int(1e9)


def test_the_length_of_the_config_changes_nothing():
    assert of_length(config(), 100) == {}


@pytest.mark.parametrize(
    ("cfg", "length", "message"),
    [
        (config(), 0, "max_iters=0 must be at least 1"),
        (config(loop={"type": "Mine"}), 9, "neither max_iters nor max_epochs"),
        (config([{"type": "ExponentialLR"}]), 200, r"0 \(ExponentialLR\) has no gamma"),
    ],
    ids=["nothing", "no length", "no rate"],
)
def test_a_run_that_cannot_be_made_longer(cfg, length, message):
    with pytest.raises(ValueError, match=message):
        of_length(cfg, length)


@pytest.mark.parametrize("name", ["camvid/lite0_kd", "farm/farm_b0_kd"])
def test_a_shipped_config_is_read_with_the_options(name):
    path = CONFIGS / f"{name}.py"
    cfg = read_config(path)
    length = 2 * cfg.train_cfg.max_iters + 1
    made = read_config(path, of_length(cfg, length))
    assert made.train_cfg.max_iters == length
    assert made.param_scheduler[-1].end == length

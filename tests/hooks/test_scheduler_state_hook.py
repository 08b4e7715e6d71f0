"""Schedules whose state has functions: checkpoints can be read, and runs continue."""

import io
from typing import Any

import pytest
import torch
from mmseg.registry import PARAM_SCHEDULERS
from torch import nn

from mmseg_splashkd.hooks import SchedulerStateHook

CONFIG = {"type": "OneCycleLR", "eta_max": 0.1, "total_steps": 9, "by_epoch": False}


def built(**options: Any) -> tuple[Any, Any]:
    """An optimizer, and a schedule of its rate."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    config = {**CONFIG, **options, "optimizer": optimizer}
    return optimizer, PARAM_SCHEDULERS.build(config)


def rates(optimizer: Any, schedule: Any, steps: int) -> list[float]:
    values = []
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        values.append(optimizer.param_groups[0]["lr"])
    return values


@pytest.mark.parametrize("anneal_strategy", ["cos", "linear"])
@pytest.mark.parametrize("of_several_optimizers", [False, True])
def test_a_schedule_goes_on_from_a_checkpoint_without_code(
    anneal_strategy, of_several_optimizers
):
    optimizer, schedule = built(anneal_strategy=anneal_strategy)
    rates(optimizer, schedule, 4)
    states: Any = [schedule.state_dict()]
    checkpoint = {
        "param_schedulers": {"one": states} if of_several_optimizers else states
    }
    SchedulerStateHook().before_save_checkpoint(None, checkpoint)  # type: ignore[arg-type]
    file = io.BytesIO()
    torch.save({**checkpoint, "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    read = torch.load(file, weights_only=True)
    states = read["param_schedulers"]
    (state,) = states["one"] if of_several_optimizers else states
    again, resumed = built(anneal_strategy=anneal_strategy)
    again.load_state_dict(read["optimizer"])
    resumed.load_state_dict(state)
    assert rates(again, resumed, 5) == rates(optimizer, schedule, 5)


def test_a_checkpoint_without_schedules_stays_as_it_is():
    for checkpoint in ({}, {"param_schedulers": []}):
        before = dict(checkpoint)
        SchedulerStateHook().before_save_checkpoint(None, checkpoint)  # type: ignore[arg-type]
        assert checkpoint == before

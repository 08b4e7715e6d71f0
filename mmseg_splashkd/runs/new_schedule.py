"""Schedules that a resumed run follows instead of those in its checkpoint."""

import ast
import copy
import warnings
from collections.abc import Mapping
from typing import Any

from mmengine.optim.scheduler.param_scheduler import (
    ReduceOnPlateauParamScheduler,
    _ParamScheduler,
)
from mmengine.runner import Runner

EARLY = "Detected call of `scheduler.step\\(\\)` before"  # no step has been made here
KEY = "param_scheduler"


def schedules_differ(runner: Runner, meta: Mapping[str, Any]) -> bool:
    """Whether the config of a run has other schedules than that of its checkpoint.

    Both are compared as mmengine writes them into checkpoints, also where types are
    classes; a text is parsed and never executed.

    Args:
        runner: Runner with the config.
        meta: ``meta`` of the checkpoint.
    """
    try:
        before, after = map(_written, (meta.get("cfg") or "", runner.cfg.pretty_text))
    except SyntaxError:
        runner.logger.warning(
            f"the config in the checkpoint cannot be parsed: {KEY} goes on as it was"
        )
        return False
    return before != after


def _written(text: str) -> str | None:
    """The schedules in the text of a config, with tuples as lists; None without any."""
    for line in ast.parse(text).body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == KEY:
            none = isinstance(line.value, ast.Constant) and line.value.value is None
            return None if none else ast.dump(line.value).replace("Tuple(", "List(")
    return None


def follow_new_schedules(runner: Runner) -> None:
    """Let rates be what they would be if the run had had its schedules from the start.

    mmengine restores the schedules of the checkpoint: of a run of 150 iterations that
    is made longer, the learning rate would stay at the 0 that it has reached. The
    schedules are built anew and stepped once per iteration, and epoch, that is done.

    Args:
        runner: Runner that has been resumed.

    Raises:
        ValueError: The schedules follow a metric, or there are several optimizers.
    """
    config: Any = copy.deepcopy(runner.cfg.get(KEY))
    if config is None:
        runner.param_schedulers = None
        return
    old = runner.param_schedulers
    if not isinstance(old, list) or not all(map(_counts_steps, old)):
        raise ValueError(
            f"--resume: {KEY} has changed, but schedules that follow a metric, and "
            f"those of several optimizers, cannot be followed from the middle: undo "
            f"the change, or begin a new run"
        )
    wrapper: Any = runner.optim_wrapper
    before = wrapper.get_lr()
    for scheduler in old:
        _begin_anew(scheduler)
    built: Any = runner.build_param_scheduler(config)
    runner.param_schedulers = built
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", EARLY)
        _step(runner, built)
    runner.logger.warning(
        f"{KEY} has changed: from iteration {runner.iter} on, the rates are those of "
        f"the new schedules (learning rate {_first(wrapper.get_lr()):g}, "
        f"was {_first(before):g})"
    )


def _counts_steps(scheduler: Any) -> bool:
    """Whether a schedule depends on the number of steps alone."""
    follows_metric = isinstance(scheduler, ReduceOnPlateauParamScheduler)
    return isinstance(scheduler, _ParamScheduler) and not follows_metric


def _begin_anew(scheduler: _ParamScheduler) -> None:
    for group in scheduler.optimizer.param_groups:
        group[scheduler.param_name] = group[f"initial_{scheduler.param_name}"]


def _step(runner: Runner, schedulers: list[_ParamScheduler]) -> None:
    """Step once for each iteration, and each epoch, that is done."""
    epoch = len(runner.train_dataloader) if runner.epoch else None
    for iteration in range(1, runner.iter + 1):
        ends_epoch = epoch is not None and iteration % epoch == 0
        for scheduler in schedulers:
            if not scheduler.by_epoch or ends_epoch:
                scheduler.step()


def _first(rates: Mapping[str, list[float]]) -> float:
    return next(rate for values in rates.values() for rate in values)

"""The length of a run, and the options that change it with all its schedules."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.optim.scheduler.param_scheduler import (
    INF,
    ExponentialParamScheduler,
    ReduceOnPlateauParamScheduler,
)

from mmseg_splashkd.config.types import is_a, type_name
from mmseg_splashkd.config.walk import mappings

# Arguments of mmengine's schedules that count steps; all others are values.
STEPS = {"begin", "end", "T_max", "total_steps", "step_size", "milestones", "periods"}
LOSSES = ("distill_loss", "temporal_loss")  # arguments of a model with schedules
# Those of ``models.losses.schedule.Schedule``: a mapping with ``end`` and one of these.
OF_LOSS = {"begin", "until", "stop_at"}
OF_HOOKS = {"begin_iter", "begin_epoch"}  # such as of mmengine's EMAHook
INTERVAL = "default_hooks.checkpoint.interval"
EVERY = {"max_iters": 1000, "max_epochs": 1}  # mmengine's default val_interval
Options = dict[str, Any]


def length_key(cfg: Config) -> str:
    """``'max_iters'`` or ``'max_epochs'``: what the training loop counts.

    Raises:
        ValueError: ``train_cfg`` names neither.
    """
    loop: Any = cfg.get("train_cfg") or {}
    for key in ("max_iters", "max_epochs"):
        if isinstance(loop.get(key), int):
            return key
    raise ValueError(
        f"train_cfg={dict(loop)} of {cfg.filename} has neither max_iters nor "
        f"max_epochs, so that its length cannot be changed: set one"
    )


def of_length(cfg: Config, length: int) -> Options:
    """``--cfg-options`` with which a run has another length, and else the same recipe.

    Everything that counts steps changes in proportion: loop, schedules of rates and of
    the loss, and the intervals of validations and checkpoints, so that there are as
    many of both. An exponential decay reaches the same rate at the end. What counts
    validations (patience) stays.

    Args:
        cfg: The resolved config.
        length: New ``max_iters``, or ``max_epochs`` of a loop of epochs, from 1.

    Returns:
        Dotted key -> value; empty if the length is that of the config.

    Raises:
        ValueError: ``length`` is below 1, the config names no length, or an exponential
            decay names no rate.
    """
    key = length_key(cfg)
    before = cfg.train_cfg[key]
    if length < 1:
        raise ValueError(f"{key}={length} must be at least 1")
    if length == before:
        return {}

    def scaled(steps: int) -> int:
        whole = math.floor(steps * length / before + 0.5)
        return steps if steps >= INF else max(1, whole)

    options: Options = {f"train_cfg.{key}": length}
    options |= _intervals(cfg, key, length)
    options |= _of_schedules(cfg.get("param_scheduler"), scaled, before / length)
    for loss in LOSSES:
        own = cfg.model.get(loss) if isinstance(cfg.model, Mapping) else None
        for path, node in mappings(own, f"model.{loss}"):
            if "end" in node and OF_LOSS & node.keys():
                options |= _scaled_keys(node, path, OF_LOSS, scaled)
    for path, node in mappings(cfg.get("custom_hooks"), "custom_hooks"):
        options |= _scaled_keys(node, path, OF_HOOKS, scaled)
    return options


def _intervals(cfg: Config, key: str, length: int) -> Options:
    """Intervals, rounded up: rounded down they could add a validation."""
    loop: Any = cfg.train_cfg

    def scaled(steps: int) -> int:
        return -(-steps * length // loop[key])

    every = loop.get("val_interval") or EVERY[key]
    options: Options = {"train_cfg.val_interval": scaled(every)}
    if loop.get("val_begin"):
        options["train_cfg.val_begin"] = scaled(loop["val_begin"])
    if dynamic := loop.get("dynamic_intervals"):
        pairs = [[scaled(value) for value in pair] for pair in dynamic]
        options["train_cfg.dynamic_intervals"] = pairs
    hook: Any = (cfg.get("default_hooks") or {}).get("checkpoint") or {}
    if hook.get("interval", 0) > 0:
        options[INTERVAL] = scaled(hook["interval"])
    return options


def _of_schedules(
    schedules: Any, scaled: Callable[[int], int], share: float
) -> Options:
    options: Options = {}
    for path, each in _schedules(schedules):
        if is_a(each, ReduceOnPlateauParamScheduler):
            continue  # it counts validations
        options |= _scaled_keys(each, path, STEPS, scaled)
        if is_a(each, ExponentialParamScheduler):
            if "gamma" not in each:
                raise ValueError(f"{path} ({type_name(each)}) has no gamma: set it")
            options[f"{path}.gamma"] = each["gamma"] ** share
    return options


def _schedules(value: Any, path: str = "param_scheduler") -> Iterator[tuple[str, Any]]:
    """Every schedule and its dotted key: one, a list, or such for each optimizer."""
    if isinstance(value, Mapping) and "type" in value:
        yield path, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _schedules(each, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for index, each in enumerate(value):
            yield from _schedules(each, f"{path}.{index}")


def _scaled_keys(
    node: Mapping[str, Any], path: str, keys: set[str], scaled: Callable[[int], int]
) -> Options:
    options: Options = {}
    for key in sorted(keys & node.keys()):
        value = node[key]
        if isinstance(value, (list, tuple)):
            options[f"{path}.{key}"] = [scaled(each) for each in value]
        elif isinstance(value, int) and value:
            options[f"{path}.{key}"] = scaled(value)
    return options

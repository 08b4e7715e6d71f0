"""Checks that loop, sampler, schedules and checkpoints count the same steps."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.dataset import InfiniteSampler
from mmengine.hooks import CheckpointHook
from mmengine.optim import ReduceOnPlateauParamScheduler
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

from mmseg_splashkd.config.faults import ConfigError, shown
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.datasets.views import ViewDataset, ViewSampler

ITERATIONS = "train_cfg=dict(type='IterBasedTrainLoop', max_iters=N, val_interval=M)"
FINITE = "dict(type='DefaultSampler', shuffle=True)"


def check_loops(cfg: Config) -> None:
    """Check the training loop against what it drives.

    Raises:
        ConfigError: An epoch would never end, views are drawn from a data set without
            views, or checkpoints or schedules count epochs in a loop of iterations,
            which has only one.
    """
    for key in ("train_dataloader", "val_dataloader", "test_dataloader"):
        if cfg.get(key):
            _check_views(key, cfg[key])
    loop: Any = cfg.get("train_cfg") or {}
    if is_a(loop, EpochBasedTrainLoop) or loop.get("by_epoch"):
        _check_epoch_ends(cfg, "train_dataloader")
    elif is_a(loop, IterBasedTrainLoop) or "by_epoch" in loop:
        _check_counts_iterations(cfg)
    for key in ("val_dataloader", "test_dataloader"):
        _check_epoch_ends(cfg, key)


def _check_views(key: str, loader: Mapping[str, Any]) -> None:
    draws_views = is_a(loader.get("sampler"), ViewSampler)
    if draws_views and not is_a(loader["dataset"], ViewDataset):
        raise ConfigError(
            f"{key}.sampler is a ViewSampler, which draws views, but {key}.dataset is "
            f"{_name(loader['dataset'])}: wrap it as the outermost data set, "
            f"dict(type='ViewDataset', dataset=...), or use "
            f"sampler=dict(type='InfiniteSampler', shuffle=True)"
        )


def _check_epoch_ends(cfg: Config, key: str) -> None:
    loader: Any = cfg.get(key) or {}
    if not is_a(loader.get("sampler"), InfiniteSampler) or loader.get("batch_sampler"):
        return
    name = _name(loader["sampler"])
    if key == "train_dataloader":
        raise ConfigError(
            f"train_cfg={shown(cfg.train_cfg)} counts epochs, but {key}.sampler={name} "
            f"never ends one: use {ITERATIONS}, or {key}.sampler={FINITE}"
        )
    raise ConfigError(
        f"{key}.sampler={name} never ends, so that no validation or test would: use "
        f"{key}.sampler=dict(type='DefaultSampler', shuffle=False)"
    )


def _check_counts_iterations(cfg: Config) -> None:
    checkpoint: Any = (cfg.get("default_hooks") or {}).get("checkpoint")
    if is_a(checkpoint, CheckpointHook) and checkpoint.get("by_epoch", True):
        raise ConfigError(
            f"default_hooks.checkpoint.by_epoch={checkpoint.get('by_epoch', True)} "
            f"counts epochs, of which {_name(cfg.train_cfg)} has only one: set "
            f"default_hooks.checkpoint.by_epoch=False, so that interval counts "
            f"iterations"
        )
    for key, scheduler in _schedulers(cfg.get("param_scheduler")):
        counts_epochs = scheduler.get("by_epoch", True)
        if scheduler.get("convert_to_iter_based") or not counts_epochs:
            continue
        if not is_a(scheduler, ReduceOnPlateauParamScheduler):  # steps at validations
            raise ConfigError(
                f"{key} ({_name(scheduler)}) counts epochs (by_epoch=True, the "
                f"default), of which {_name(cfg.train_cfg)} has only one, so that the "
                f"schedule would have no effect: set {key}.by_epoch=False, with begin "
                f"and end in iterations"
            )


def _schedulers(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        yield "param_scheduler", value
    for index, each in enumerate(value if isinstance(value, (list, tuple)) else ()):
        if isinstance(each, Mapping):
            yield f"param_scheduler[{index}]", each


def _name(config: Any) -> str:
    kind = config.get("type", "a loop") if isinstance(config, Mapping) else config
    return getattr(kind, "__name__", str(kind))

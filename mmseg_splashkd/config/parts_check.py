"""Checks that the parts of a config are what they are called, before they are used."""

import inspect
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from torch.utils.data import DataLoader

from mmseg_splashkd.config.faults import ConfigError, closest, shown
from mmseg_splashkd.config.types import distills
from mmseg_splashkd.config.walk import LOADERS

# Keys of a loader that mmengine reads, beside the arguments of ``DataLoader``.
READ_BY_MMENGINE = {
    *("dataset", "sampler", "batch_sampler", "collate_fn", "worker_init_fn"),
    *("num_batch_per_epoch", "disable_subprocess_warning"),
}
EXAMPLES = {
    "model": "dict(type='EncoderDecoder', ...)",
    "dataset": "dict(type='BaseSegDataset', data_root=..., pipeline=[...])",
    "metrics": "dict(type='DiceMetric'), or a list of them",
    "optim_wrapper": "dict(optimizer=dict(type='AdamW', lr=1e-4))",
    "sampler": "dict(type='DefaultSampler', shuffle=False)",
}


def check_parts(cfg: Config) -> None:
    """Check that model, loaders and optimizer are dicts with the keys they need.

    Raises:
        ConfigError: One is not; the message names the key, the value and the remedy.
    """
    _check_built("model", cfg.get("model"), EXAMPLES["model"])
    if distills(cfg):
        _check_built("model.student", cfg.model.get("student"), EXAMPLES["model"])
    for key in LOADERS:
        if (loader := cfg.get(key)) is not None:
            _check_loader(key, loader)
    if (wrapper := cfg.get("optim_wrapper")) is not None:
        _check_mapping("optim_wrapper", wrapper, EXAMPLES["optim_wrapper"])
        _check_optimizer("optim_wrapper.optimizer", wrapper.get("optimizer"))
    for key in ("val_evaluator", "test_evaluator"):
        if (metrics := cfg.get(key)) is not None and not isinstance(metrics, list):
            _check_mapping(key, metrics, EXAMPLES["metrics"])
    if (options := cfg.get("train_cfg")) is not None:
        _check_mapping("train_cfg", options, "dict(type='IterBasedTrainLoop', ...)")


def _check_loader(key: str, loader: Any) -> None:
    _check_mapping(key, loader, "dict(batch_size=2, sampler=..., dataset=...)")
    allowed = READ_BY_MMENGINE | set(inspect.signature(DataLoader).parameters)
    for name in loader:
        if name not in allowed:
            raise ConfigError(
                f"{key}.{name}={shown(loader[name])}: a data loader has no argument "
                f"{name!r}{closest(name, allowed)}"
            )
    if "dataset" not in loader:
        raise ConfigError(f"{key} lacks 'dataset': {EXAMPLES['dataset']}")
    _check_built(f"{key}.dataset", loader["dataset"], EXAMPLES["dataset"])
    if loader.get("batch_sampler") is not None:
        return
    if "sampler" not in loader:
        raise ConfigError(f"{key} lacks 'sampler': {EXAMPLES['sampler']}")
    _check_built(f"{key}.sampler", loader["sampler"], EXAMPLES["sampler"])
    size = loader.get("batch_size", 1)
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ConfigError(f"{key}.batch_size={size!r} must be an integer of at least 1")


def _check_optimizer(key: str, optimizer: Any) -> None:
    if optimizer is None:  # such as several optimizers, by name
        return
    _check_built(key, optimizer, "dict(type='AdamW', lr=1e-4)")
    rate = optimizer.get("lr", 0.0)
    if isinstance(rate, str) or rate is None:
        raise ConfigError(f"{key}.lr={rate!r} must be a number, such as 1e-4")


def _check_mapping(key: str, value: Any, example: str) -> None:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key}={shown(value)} must be a dict, such as {example}")


def _check_built(key: str, value: Any, example: str) -> None:
    _check_mapping(key, value, example)
    if "type" not in value:
        raise ConfigError(f"{key}={shown(value)} has no 'type': {example}")

"""Checks numbers of a config that count: iterations, epochs, intervals, workers."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.faults import ConfigError
from mmseg_splashkd.config.walk import LOADERS

# Dotted key -> least value. mmengine trains for 0 iterations without an error, divides
# by an interval of 0, and validates after every iteration at an interval below 0.
LEAST = {
    "train_cfg.max_iters": 1,
    "train_cfg.max_epochs": 1,
    "train_cfg.val_interval": 1,
    "train_cfg.val_begin": 0,
    "optim_wrapper.accumulative_counts": 1,
    "default_hooks.logger.interval": 1,
    **{f"{loader}.num_workers": 0 for loader in LOADERS},
}
NEVER = -1  # as the interval of checkpoints: only the last one, and the best
INTERVAL = "default_hooks.checkpoint.interval"


def check_counts(cfg: Config) -> None:
    """Check that numbers which count are integers, and large enough.

    Raises:
        ConfigError: One is not; the message names its key.
    """
    for key, least in LEAST.items():
        for value in _values(cfg, key):
            if not _is_integer(value) or value < least:
                raise ConfigError(
                    f"{key}={value!r} must be an integer of at least {least}"
                )
    for value in _values(cfg, INTERVAL):
        if not _is_integer(value) or (value < 1 and value != NEVER):
            raise ConfigError(
                f"{INTERVAL}={value!r} must be an integer of at least 1, or {NEVER} "
                f"for none but the last checkpoint and the best"
            )


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _values(cfg: Any, key: str) -> Iterator[Any]:
    """The value of a dotted key, if it is set."""
    *parents, name = key.split(".")
    for parent in parents:
        cfg = cfg.get(parent) if isinstance(cfg, Mapping | Config) else None
    if isinstance(cfg, Mapping) and cfg.get(name) is not None:
        yield cfg[name]

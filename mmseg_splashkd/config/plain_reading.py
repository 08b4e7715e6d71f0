"""Configs that were read by MMEngine itself, as the tools of MMSegmentation read them.

MMEngine reads a base before the file that sets a variable over it (``size``,
``max_iters``), so that what the base computed keeps the value of the base.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.keys import acting
from mmseg_splashkd.config.variables import read_file

NAMED = 3  # keys listed in an error


def options_over_file(cfg: Config) -> dict[str, Any]:
    """Dotted keys with other values than in the file that a config was read from.

    These are what ``--cfg-options`` and other arguments of a tool have set.

    Args:
        cfg: Read by ``Config.fromfile``, then changed.

    Raises:
        ValueError: It was not read from a file.
    """
    written = Config.fromfile(_file_of(cfg)).to_dict()
    return dict(_changed(cfg.to_dict(), written))


def check_variables(cfg: Config) -> None:
    """Check that variables have reached all that is computed from them.

    Raises:
        ValueError: The config was read by MMEngine, which has left some behind.
    """
    if cfg.filename is None or not Path(cfg.filename).is_file():
        return
    plain = acting(Config.fromfile(cfg.filename))
    stale = dict(_changed(plain, acting(read_file(cfg.filename, check=False))))
    now = dict(_leaves(acting(cfg)))
    left = [key for key, value in stale.items() if now.get(key) == value]
    # Where only some are those of the bases, options have set them to that.
    if left and len(left) == len(stale):
        keys = ", ".join(left[:NAMED]) + (", ..." if len(left) > NAMED else "")
        raise ValueError(
            f"{cfg.filename} sets variables that its bases read, which MMEngine does "
            f"not carry to them: {keys} are those of the bases. Use the tools of "
            f"mmseg_splashkd, which do (mim test mmseg_splashkd CONFIG --checkpoint "
            f"FILE), or the config that the run has written into its folder"
        )


def _file_of(cfg: Config) -> str:
    if cfg.filename is None or not Path(cfg.filename).is_file():
        raise ValueError(
            f"runner_type=RecordedRunner trains the file of a config, and this one was "
            f"read from {cfg.filename}: name a file, or set runner_type='SafeRunner'"
        )
    return cfg.filename


def _changed(
    new: Mapping[str, Any], old: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            yield from _changed(value, before, f"{prefix}{key}.")
        elif key not in old or value != before:
            yield f"{prefix}{key}", value


def _leaves(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from _changed(node, {})
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{name}", each) for name, each in _leaves(value))

"""Reads configs."""

import copy
import difflib
import warnings
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from mmseg_splashkd.config.faults import reading
from mmseg_splashkd.config.parts_check import check_parts
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import LOADERS, dataset_of, leaves
from mmseg_splashkd.datasets.time_split import RENAMED, TimeSplitDataset

SHARED = {"split_table", "data_root", "embargo", "fold", "label_coding", "ratios"}
# Keys that the command line can set although the config lacks them.
KEYS_OF_A_RUN = (
    "work_dir",
    "data_check",
    "teacher_cache",
    "load_from",
    "device",
    "auto_scale_lr",
    "find_unused_parameters",
)


def read_config(path: str | Path, options: dict[str, Any] | None = None) -> Config:
    """Read a config file and override some of its keys.

    Args:
        path: The file.
        options: Dotted key -> value, as in ``--cfg-options``. ``data_root``,
            ``split_table``, ``fold``, ``ratios``, ``embargo`` and ``label_coding`` are
            set for every data set.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is only a part of a config, it lacks the key of an option,
            sets a key of a former name, or its ``data_root`` differs from that of its
            data sets.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"config {path} does not exist; see configs/README.md")
    with reading(path):
        cfg = Config.fromfile(str(path))
    loaders = [loader for loader in LOADERS if cfg.get(loader)]
    if "model" not in cfg or not loaders:
        missing = "data loaders" if "model" in cfg else "model"
        raise ValueError(f"{path} is a part of a config: it has no {missing}")
    options = options or {}
    _check_options(cfg, options)
    cfg.merge_from_dict(copy.deepcopy(options))  # removes _delete_ from its argument
    check_parts(cfg)
    _rename_former_keys(cfg, path)
    datasets = [dataset_of(cfg, loader) for loader in loaders]
    for key in SHARED & options.keys():
        for dataset in datasets:
            dataset[key] = cfg[key]
    _check_shared_root(cfg, datasets)
    return cfg


def _check_options(cfg: Config, options: dict[str, Any]) -> None:
    for option in options:
        key = option.split(".")[0]
        if key not in cfg and key not in KEYS_OF_A_RUN:
            close = difflib.get_close_matches(key, [*cfg.keys(), *KEYS_OF_A_RUN], 1)
            hint = f": did you mean {close[0]}?" if close else ""
            hint = f": it is now named {RENAMED[key]}" if key in RENAMED else hint
            raise ValueError(f"--cfg-options {option}: the config has no {key!r}{hint}")


def _rename_former_keys(cfg: Config, path: str | Path) -> None:
    """Rename arguments of ``TimeSplitDataset`` in older configs to the current names.

    A variable outside the data sets would have no effect and is refused.
    """
    loaders = [cfg[loader].dataset for loader in LOADERS if cfg.get(loader)]
    found = [leaf for loader in loaders for leaf in leaves(loader)]
    splits = [leaf for leaf in found if is_a(leaf, TimeSplitDataset)]
    for old, new in RENAMED.items():
        if splits and old in cfg:
            raise ValueError(f"{path} sets {old}, which is now named {new}: rename it")
        for dataset in splits:
            if old in dataset:
                _rename(dataset, old, new, path)


def _rename(dataset: dict, old: str, new: str, path: str | Path) -> None:
    if new in dataset:
        raise ValueError(
            f"{path}: a data set has both {new} and {old}, its former name: keep {new}"
        )
    message = f"{path}: {old} of a TimeSplitDataset is now named {new}"
    warnings.warn(message, DeprecationWarning, stacklevel=4)
    dataset[new] = dataset.pop(old)


def _check_shared_root(cfg: Config, datasets: list[ConfigDict]) -> None:
    root = cfg.get("data_root")
    read = [dataset.get("data_root") for dataset in datasets]
    if root is not None and root not in read:
        raise ValueError(
            f"data_root={root!r} of the config is used by none of its data sets, which "
            f"read {read[0]!r}: that line has no effect in a config that inherits its "
            f"loaders. Use --cfg-options data_root={root}, or set it in all loaders"
        )

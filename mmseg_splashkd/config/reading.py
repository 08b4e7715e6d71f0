"""Reads configs."""

import copy
import difflib
import warnings
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import LOADERS, loader_leaves
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
    "randomness",
    "test_dataloader",
    "test_evaluator",
    "test_cfg",
)


def read_config(path: str | Path, options: dict[str, Any] | None = None) -> Config:
    """Read a config file and override some of its keys.

    Args:
        path: The file.
        options: Dotted key -> value, as in ``--cfg-options``. ``data_root``,
            ``split_table``, ``fold``, ``ratios``, ``embargo`` and ``label_coding`` are
            set for every data set, inside wrappers too; all but ``data_root`` only for
            those that are a ``TimeSplitDataset``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is only a part of a config, it lacks the key of an option,
            no data set takes it, the option would give several data sets one root, the
            file sets a key of a former name, or its ``data_root`` differs from that of
            its data sets.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"config {path} does not exist; see configs/README.md")
    try:
        cfg = Config.fromfile(str(path))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path}: {error}: a file of its _base_. If the config or this repository "
            f"was moved, correct that path"
        ) from error
    cfg.default_scope = cfg.get("default_scope") or "mmseg"  # MMEngine's knows no model
    if "model" not in cfg or not any(map(cfg.get, LOADERS)):
        missing = "data loaders" if "model" in cfg else "model"
        raise ValueError(f"{path} is a part of a config: it has no {missing}")
    options = options or {}
    _check_options(cfg, options)
    if "data_root" in options:
        _check_one_root(cfg, path)
    cfg.merge_from_dict(copy.deepcopy(options))  # removes _delete_ from its argument
    _rename_former_keys(cfg, path)
    for key in sorted(SHARED & options.keys()):
        _share(cfg, key, path)
    _check_shared_root(cfg, list(loader_leaves(cfg)))
    return cfg


def _check_one_root(cfg: Config, path: str | Path) -> None:
    """Refuse to give one root to data sets that the file gives several."""
    roots = {str(leaf.get("data_root")) for leaf in loader_leaves(cfg)} - {"None"}
    if len(roots) > 1:
        raise ValueError(
            f"--cfg-options data_root: the data sets of {path} read different roots, "
            f"{', '.join(sorted(roots))}; set each in the file, or by its key in full, "
            f"such as train_dataloader.dataset.data_root"
        )


def _share(cfg: Config, key: str, path: str | Path) -> None:
    """Set an option for every data set, inside wrappers too, that takes it."""
    found = list(loader_leaves(cfg))
    if key != "data_root":
        found = [leaf for leaf in found if is_a(leaf, TimeSplitDataset)]
    if not found:
        raise ValueError(
            f"--cfg-options {key}: no data set of {path} is a TimeSplitDataset, which "
            f"takes it; give a key of a data set in full, such as "
            f"train_dataloader.dataset.ann_file"
        )
    for leaf in found:
        leaf[key] = cfg[key]


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
    splits = [leaf for leaf in loader_leaves(cfg) if is_a(leaf, TimeSplitDataset)]
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

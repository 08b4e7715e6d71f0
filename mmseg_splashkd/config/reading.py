"""Reads configs."""

import copy
import difflib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from mmseg_splashkd.config.class_weights import check_class_weights
from mmseg_splashkd.config.dataset_arguments import check_dataset_arguments
from mmseg_splashkd.config.extras_check import check_extras, missing_extra
from mmseg_splashkd.config.faults import reading
from mmseg_splashkd.config.keys import READ, SET_BY_TOOLS, SHARED, is_read
from mmseg_splashkd.config.parts_check import check_parts
from mmseg_splashkd.config.places import check_places, leaf_keys
from mmseg_splashkd.config.shared import check_one_root, check_shared, share
from mmseg_splashkd.config.type_check import check_types
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.variables import check_effect, read_file
from mmseg_splashkd.config.walk import LOADERS, loader_leaves
from mmseg_splashkd.datasets.time_split import RENAMED, TimeSplitDataset

DDP = {"type": "MMDistributedDataParallel", "broadcast_buffers": False}


def read_config(path: str | Path, options: dict[str, Any] | None = None) -> Config:
    """Read a config file and override some of its keys.

    Every option, and every variable that the file sets for its bases, has an effect or
    is refused.

    Args:
        path: The file.
        options: Dotted key -> value, as in ``--cfg-options``: keys that a run reads,
            variables of the file (``max_iters``, ``size``), with all that is computed
            from them, and ``SHARED`` keys (``data_root``, ``split_table``, ``fold``,
            ``ratios``, ``embargo``, ``label_coding``), which are set for every data
            set that takes them.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: The model needs a library of an extra that is not installed.
        ConfigError: A type is not registered (see ``check_types``).
        ValueError: The file is only a part of a config, sets a variable without effect
            or a key of a former name; an option is unknown or has no effect; or an
            argument of a data set or a head has none or another number of classes.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"config {path} does not exist; see configs/README.md")
    try:
        with reading(path):
            cfg = read_file(path, replaced=options or ())
    except ImportError as error:
        raise ImportError(missing_extra(error) or str(error)) from error
    cfg.default_scope = cfg.get("default_scope") or "mmseg"  # MMEngine's knows no model
    if "model" not in cfg or not any(map(cfg.get, LOADERS)):
        missing = "data loaders" if "model" in cfg else "model"
        raise ValueError(f"{path} is a part of a config: it has no {missing}")
    options = copy.deepcopy(options or {})  # merging removes _delete_ from its argument
    _check_known(cfg, options)
    if "data_root" in options:
        check_one_root(cfg, path)
    written = cfg
    cfg = _with_variables(cfg, path, options)
    _merge(cfg, options)
    check_places(written, cfg, options)
    check_parts(cfg)
    check_extras(cfg)
    check_types(cfg)
    _rename_former_keys(cfg, path)
    for key in sorted(SHARED & options.keys()):
        share(cfg, key, path)
    check_shared(cfg, path)
    check_dataset_arguments(cfg)
    check_class_weights(cfg)
    _use_find_unused_parameters(cfg)
    return cfg


def _check_known(cfg: Config, options: Mapping[str, Any]) -> None:
    for option in options:
        key = option.split(".")[0]
        if key in SET_BY_TOOLS:
            raise ValueError(
                f"--cfg-options {option} has no effect: {SET_BY_TOOLS[key]}"
            )
        if key in cfg or key in SHARED or is_read(cfg, key):
            continue
        close = difflib.get_close_matches(key, [*cfg.keys(), *READ, "work_dir"], 1)
        hint = f": did you mean {close[0]}?" if close else ""
        hint = f": it is now named {RENAMED[key]}" if key in RENAMED else hint
        raise ValueError(f"--cfg-options {option}: the config has no {key!r}{hint}")


def _with_variables(cfg: Config, path: str | Path, options: dict[str, Any]) -> Config:
    """The config as its files define it with the variables among the options."""
    names = {key for key in cfg.keys() if not is_read(cfg, key)}  # noqa: SIM118
    given = {key: value for key, value in options.items() if _top(key) in names}
    if not given:
        return copy.deepcopy(cfg)
    merged = copy.deepcopy(cfg)
    _merge(merged, copy.deepcopy(given))
    values = {
        name: merged[name] for name in map(_top, given) if merged[name] != cfg[name]
    }
    if not values:
        return copy.deepcopy(cfg)
    changed = read_file(path, values, check=False)
    changed.default_scope = cfg.default_scope
    check_effect(path, cfg, values, changed)
    return changed


def _top(option: str) -> str:
    return option.split(".")[0]


def _merge(cfg: Config, options: dict[str, Any]) -> None:
    imports = copy.deepcopy(cfg.get("custom_imports"))
    for option, value in options.items():
        for key in leaf_keys(option, value):
            _make_room(cfg, key)
    try:
        cfg.merge_from_dict(copy.deepcopy(options))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        given = ", ".join(options)
        raise ValueError(f"--cfg-options {given}: {error}") from error
    if cfg.get("custom_imports") and cfg.custom_imports != imports:
        import_modules_from_strings(**cfg.custom_imports)


def _make_room(cfg: Config, key: str) -> None:
    """Remove a None that holds the place of the dict which an option sets a key of.

    MMEngine creates the dict where the config has no such key. A None at the top, such
    as ``load_from``, stands for a value that is no dict.
    """
    node: Any = cfg
    for depth, part in enumerate(key.split(".")[:-1]):
        if not isinstance(node, (dict, Config)) or part not in node:
            return
        if depth and node[part] is None:
            node.pop(part)
            return
        node = node[part]


def _use_find_unused_parameters(cfg: Config) -> None:
    """MMEngine reads this key only without ``model_wrapper_cfg``."""
    if cfg.get("find_unused_parameters") is None:
        return
    wrapper = dict(cfg.get("model_wrapper_cfg") or DDP)
    wrapper["find_unused_parameters"] = cfg.find_unused_parameters
    cfg.model_wrapper_cfg = wrapper


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

"""Top-level keys of a config: which of them a run reads."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

# Arguments of data sets that one option sets in every data set.
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
    "compile",
    "activation_checkpointing",
    "efficient_conv_bn_eval",
)
# Keys that change no run: they are written to its record and its weights.
RECORDED = {"experiment": "a run's record and weights name it"}
# Trackers, one key each: config files that are joined as bases must not share keys.
TRACKERS = ("track_mlflow", "track_tensorboard", "track_wandb")
# Keys of MMEngine's runner that the tools set by an option of their own.
SET_BY_TOOLS = {
    "resume": "--resume continues a run",
    "launcher": "--launcher sets it",
    "experiment_name": "--name names a run",
    "runner_type": "the tools always use SafeRunner",
}
# Keys that the runner and this package read beside the arguments of ``Runner``.
ALSO_READ = {"sync_bn", "model_wrapper_cfg", "custom_imports", "tta_model"}
ALSO_READ |= {"tta_pipeline", *KEYS_OF_A_RUN}
READ = (inspect.signature(Runner.__init__).parameters.keys() | ALSO_READ) - {
    "self",
    "cfg",
    "work_dir",
    "experiment_name",
    "resume",
    "launcher",
}


def is_read(cfg: Mapping[str, Any] | Config, key: str) -> bool:
    """Whether a run reads a top-level key, beyond writing it to its record.

    MMEngine reads ``data_preprocessor`` only for models that have none of their own.
    """
    if key == "data_preprocessor":
        return key not in (cfg.get("model") or {})
    return key in READ or key in TRACKERS or key == "work_dir"


def acting(cfg: Config) -> dict[str, Any]:
    """The part of a config that decides what a run computes, as builtin types."""
    return {key: value for key, value in cfg.to_dict().items() if is_read(cfg, key)}


def dotted_keys(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every dotted key of a config and its value, parents before children."""
    children = node.items() if isinstance(node, Mapping) else ()
    if isinstance(node, list | tuple):
        children = enumerate(node)
    for key, child in children:
        path = f"{prefix}{key}"
        yield path, child
        yield from dotted_keys(child, f"{path}.")

"""Keys of a config: full names, places for options, and a hash of what a run reads."""

import difflib
import hashlib
import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_splashkd.config.reading import KEYS_OF_A_RUN, SHARED

SHORT = {"teacher_ratio": "model.distill_loss.teacher_ratio"}
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


def full_key(cfg: Config, key: str, option: str = "--grid") -> str:
    """Return the dotted key that a key, or its unique last part, refers to.

    Args:
        cfg: Resolved config of a run.
        key: Dotted key, or its last part.
        option: Command-line option, for errors.

    Raises:
        ValueError: The config has no such key, several keys end so, or the key is a
            variable of the config file that no run reads.
    """
    dotted = SHORT.get(key, key)
    paths = list(_paths(cfg.to_dict()))
    if dotted in paths:
        _check_read(dotted, paths, option)
        return dotted
    ends = [path for path in paths if path.endswith(f".{key}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise ValueError(
            f"{option} {key} may mean any of {', '.join(ends)}: give one in full"
        )
    names = {path.rpartition(".")[2]: path for path in paths} | {p: p for p in paths}
    close = difflib.get_close_matches(key, names, 3, 0.5)
    hint = ", ".join(dict.fromkeys(names[name] for name in close))
    raise ValueError(
        f"{option} {key}: {cfg.filename} has no such key"
        f"{f'; did you mean {hint}?' if hint else ''}"
    )


def _check_read(key: str, paths: list[str], option: str) -> None:
    top = key.split(".")[0]
    if top in READ or top in SHARED:
        return
    places = [path for path in paths if path.endswith(f".{key}")][:3]
    hint = f", such as {', '.join(places)}" if places else ""
    raise ValueError(
        f"{option} {key} is a variable of the config file, and has no effect once "
        f"the file is read: give the key that it sets{hint}"
    )


def _paths(node: Any, prefix: str = "") -> Iterator[str]:
    children = node.items() if isinstance(node, Mapping) else ()
    if isinstance(node, list | tuple):
        children = enumerate(node)
    for key, child in children:
        path = f"{prefix}{key}"
        yield path
        yield from _paths(child, f"{path}.")


def has_place(cfg: Config, key: str) -> bool:
    """Whether the parent of a dotted key exists in a config."""
    top, *rest = key.split(".")
    if not rest:
        return top in cfg or top in KEYS_OF_A_RUN
    node: Any = cfg.get(top)
    for parent in rest[:-1]:
        if isinstance(node, Mapping) and parent in node:
            node = node[parent]
        elif isinstance(node, list | tuple) and parent.isdigit():
            node = node[int(parent)] if int(parent) < len(node) else None
        else:
            return False
    return isinstance(node, Mapping | list | tuple)


def config_sha256(cfg: Config) -> str:
    """SHA-256 of every key of a config that a run reads, 64 hexadecimal digits."""
    parts = cfg.to_dict()
    read = {key: parts[key] for key in sorted(READ & parts.keys())}
    text = json.dumps(read, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()

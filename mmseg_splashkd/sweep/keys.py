"""Keys of a config: which one is meant, where it fits, and what a run reads of it."""

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
# What the runner takes out of a config beside its own arguments, and what we do.
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
    """The dotted key that is meant: as it is, or by its unique last part.

    Args:
        cfg: Resolved config of a run.
        key: Dotted, or its last part alone.
        option: Named in errors.

    Raises:
        ValueError: The config has no such key, or several that end so, or only a
            variable of that name that no run reads.
    """
    wanted = SHORT.get(key, key)
    paths = list(_paths(cfg.to_dict()))
    if wanted in paths:
        _check_read(wanted, paths, option)
        return wanted
    ends = [path for path in paths if path.endswith(f".{key}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise ValueError(f"{option} {key} may be any of {', '.join(ends)}: name one")
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
        f"{option} {key} is a variable of the config file, which changes nothing once "
        f"the file is read: name the key that it sets{hint}"
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
    """Whether what a dotted key would be set in is there."""
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


def fingerprint(cfg: Config, without: tuple[str, ...] = ()) -> str:
    """Hash of all that a run reads of a config, 64 hexadecimal digits."""
    parts = cfg.to_dict()
    read = {
        key: parts[key] for key in sorted(READ & parts.keys()) if key not in without
    }
    text = json.dumps(read, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()

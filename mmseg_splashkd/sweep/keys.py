"""Keys of a config: full names, places for options, and a hash of what a run reads."""

import difflib
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.keys import KEYS_OF_A_RUN, READ, RECORDED, dotted_keys
from mmseg_splashkd.config.places import is_argument

SHORT = {"teacher_ratio": "model.distill_loss.teacher_ratio"}


def full_key(cfg: Config, key: str, option: str = "--grid") -> str:
    """Return the dotted key that a key, or its unique last part, refers to.

    Args:
        cfg: Resolved config of a run.
        key: Dotted key, or its last part.
        option: Command-line option, for errors.

    Raises:
        ValueError: The config has no such key, several keys end so, or the key is
            only recorded.
    """
    dotted = SHORT.get(key, key)
    paths = [path for path, _ in dotted_keys(cfg.to_dict())]
    if dotted in RECORDED:
        raise ValueError(f"{option} {key} changes no run: {RECORDED[dotted]}")
    if dotted in paths or is_argument(cfg, dotted):
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


def has_place(cfg: Config, key: str) -> bool:
    """Whether the parent of a dotted key exists in a config, or may be given there."""
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
            return is_argument(cfg, key)
    if node is None:
        return is_argument(cfg, key)
    return isinstance(node, Mapping | list | tuple)


def config_sha256(cfg: Config) -> str:
    """SHA-256 of every key of a config that a run reads, 64 hexadecimal digits."""
    parts = cfg.to_dict()
    read = {key: parts[key] for key in sorted(READ & parts.keys())}
    text = json.dumps(read, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()

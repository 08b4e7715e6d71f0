"""Places of dotted options: keys of the config, or arguments of the class there."""

import difflib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from torch.utils.data import DataLoader

from mmseg_splashkd.config.types import classes
from mmseg_splashkd.datasets.time_split import RENAMED

# Keys that MMEngine takes out of any dict before it calls the class.
COMMON = {"type", "_scope_", "_delete_"}
COMMON |= {"init_cfg", "priority", "convert_to_iter_based", "constructor"}
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
NEAR = 0.85  # similarity of a misspelt name
LOADER = {*inspect.signature(DataLoader.__init__).parameters} - {"self"}
LOADER |= {"num_batch_per_epoch"}
# Keys of sections without a type, or beside the arguments of their type.
SECTIONS = {
    "train_dataloader": LOADER,
    "val_dataloader": LOADER,
    "test_dataloader": LOADER,
    "randomness": {"seed", "deterministic", "diff_rank_seed"},
    "auto_scale_lr": {"enable", "base_batch_size"},
    "optim_wrapper": {"optimizer", "paramwise_cfg"},
    "env_cfg": {"cudnn_benchmark", "mp_cfg", "dist_cfg", "resource_limit"},
}


def check_places(before: Config, after: Config, options: Mapping[str, Any]) -> None:
    """Check that each dotted option is a key of the config or an argument there.

    Args:
        before: Config without the options.
        after: Config with them, so that a type they set counts.
        options: Dotted key -> value; keys inside a dict are checked too.

    Raises:
        ValueError: A section has no such key, and its class takes no such argument.
    """
    for option, value in options.items():
        for key in leaf_keys(option, value):
            _check(before, after, option, key.split("."))


def leaf_keys(key: str, value: Any) -> Iterator[str]:
    """Dotted keys of all values inside an option, which may be a dict."""
    if isinstance(value, dict) and value and not value.get("_delete_"):
        for name, inner in value.items():
            yield from leaf_keys(f"{key}.{name}", inner)
    else:
        yield key


def _check(before: Any, after: Any, option: str, parts: list[str]) -> None:
    for depth, part in enumerate(parts):
        if isinstance(after, Mapping):
            known = part in before if isinstance(before, Mapping) else False
            place = ".".join(parts[:depth])
            if not known and depth and not _takes(after, part, place):
                raise ValueError(_message(after, before, option, part, place))
        before, after = _child(before, part), _child(after, part)


def is_argument(cfg: Config, key: str) -> bool:
    """Whether the first part of a dotted key that a config lacks is an argument there.

    A part that is None lacks what the key has inside it. Arguments that a class takes
    by ``**kwargs`` alone do not count.

    Args:
        cfg: The config.
        key: Dotted key, such as ``model.teacher_gate.allow``.
    """
    node: Any = cfg
    parts = key.split(".")
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        if isinstance(node, Mapping) and (
            part not in node or (node[part] is None and not last)
        ):
            return depth > 0 and part in arguments(node, ".".join(parts[:depth]))[0]
        node = _child(node, part)
    return False


def _child(node: Any, part: str) -> Any:
    if isinstance(node, (Mapping, Config)):
        return node.get(part)
    if isinstance(node, list | tuple) and part.isdigit() and int(part) < len(node):
        return node[int(part)]
    return None


def _takes(node: Mapping[str, Any], key: str, place: str) -> bool:
    names, is_open = arguments(node, place)
    if key in names or key in COMMON:
        return True
    # Even a class with ``**kwargs`` is hardly meant to get a misspelt argument.
    return is_open and not difflib.get_close_matches(key, names, 1, NEAR)


def arguments(node: Mapping[str, Any], place: str = "") -> tuple[set[str], bool]:
    """Keys that a section of a config may have, and whether others are taken too.

    Args:
        node: The section.
        place: Its dotted key.
    """
    kinds = list(classes(node.get("type"))) if "type" in node else []
    names = set(SECTIONS.get(place, ()))
    is_open = not kinds and place not in SECTIONS
    for kind in kinds:
        found, takes_more = _parameters(kind)
        names |= found
        is_open |= takes_more
    return names, is_open


def _parameters(kind: type) -> tuple[set[str], bool]:
    """Names that a constructor takes, through ``**kwargs`` to its base classes."""
    found: set[str] = set()
    for each in kind.__mro__:
        if each is object or "__init__" not in vars(each):
            continue
        try:
            parameters = inspect.signature(vars(each)["__init__"]).parameters.values()
        except (TypeError, ValueError):  # written in C
            return found, True
        found |= {one.name for one in parameters if one.kind not in VARIADIC} - {"self"}
        if all(one.kind is not one.VAR_KEYWORD for one in parameters):
            return found, False
    return found, True


def _message(node: Mapping, before: Any, option: str, part: str, place: str) -> str:
    if part in RENAMED:
        return f"--cfg-options {option}: {part} is now named {RENAMED[part]}"
    kind = node.get("type")
    name = kind if isinstance(kind, str) else getattr(kind, "__name__", None)
    known = set(before) if isinstance(before, Mapping) else set()
    close = difflib.get_close_matches(
        part, sorted(known | arguments(node, place)[0]), 1
    )
    hint = f": did you mean {place}.{close[0]}?" if close else ""
    taken = f", and {name} takes no such argument" if name else ""
    return f"--cfg-options {option}: {place} has no {part!r}{taken}{hint}"

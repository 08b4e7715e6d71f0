"""Configs written anew in MMEngine's pure-Python form: types as imported classes."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.types import classes

HEAD = """\
from mmengine.config import read_base

with read_base():
    from .{base} import *

{changes}
"""


def write_pure(path: Path, cfg: Config, changes: str = "") -> Path:
    """Write a config as a pure-Python file over a pure-Python base, without scopes.

    Args:
        path: The file; the base lies beside it.
        cfg: A resolved config.
        changes: Lines of the file, such as ``max_iters = 3``.
    """
    found: dict[str, type] = {}
    values = {k: v for k, v in cfg.to_dict().items() if k != "custom_imports"}
    body = [f"{key} = {_text(value, found)}" for key, value in values.items()]
    head = [f"from {each.__module__} import {name}" for name, each in found.items()]
    base = path.with_name(f"{path.stem}_base.py")
    base.write_text("\n".join([*sorted(head), *body, ""]))
    path.write_text(HEAD.format(base=base.stem, changes=changes))
    return path


def _text(value: Any, found: dict[str, type]) -> str:
    """Source of a value; the classes that it names are added to ``found``."""
    if isinstance(value, dict):
        return f"dict({', '.join(_item(*each, found) for each in value.items())})"
    if isinstance(value, list | tuple):
        inside = "".join(f"{_text(each, found)}, " for each in value)
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    return repr(value)


def _item(key: str, value: Any, found: dict[str, type]) -> str:
    if key != "type":
        return f"{key}={_text(value, found)}"
    kind = next(classes(value))
    assert found.setdefault(kind.__name__, kind) is kind
    return f"type={kind.__name__}"

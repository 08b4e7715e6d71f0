"""Hashes of the code that builds the network of a config."""

import functools
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.types import classes
from mmseg_splashkd.files import file_sha256

# Their versions are recorded; they are too large to be read at every start.
BY_VERSION = {"torch", "numpy", *sys.stdlib_module_names}
# Of this package, parts that a model asks for words, files and data, not for layers.
OTHER_ROOMS = tuple(
    f"mmseg_splashkd.{room}"
    for room in ("checkpoint", "datasets", "evaluation", "files", "records")
)
INSTALLED = {"site-packages", "dist-packages"}


def network_code(cfg: Config) -> dict[str, str]:
    """Module -> SHA-256 of its file, for the code that builds the network.

    These are the modules of the classes that ``model`` names and of their base classes,
    and what those modules import at their top: of the same package or, outside
    ``site-packages``, of any. Torch, NumPy and Python are left out: their versions are
    recorded.

    Args:
        cfg: Config of a run.
    """
    waiting = [
        base.__module__
        for kind in _types(cfg.get("model"))
        for found in classes(kind)
        for base in found.__mro__
    ]
    seen: dict[str, str] = {}
    passed: set[str] = set()
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        path = None if module is None or name in passed else _source(module)
        passed.add(name)
        if module is None or path is None:
            continue
        seen[name] = file_sha256(path)
        waiting += _imported(module, path)
    return dict(sorted(seen.items()))


def _types(value: Any) -> Iterator[Any]:
    """Every ``type`` in a config, of any depth."""
    if isinstance(value, Mapping):
        if "type" in value:
            yield value["type"]
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _types(each)


def _source(module: ModuleType) -> Path | None:
    """Python file of a module; None if there is none, or its version is recorded."""
    file = getattr(module, "__file__", None)
    if _top(module.__name__) in BY_VERSION or not str(file).endswith(".py"):
        return None
    return Path(str(file)) if Path(str(file)).is_file() else None


def _imported(module: ModuleType, path: Path) -> Iterator[str]:
    """Names of modules from which a module imports, and which belong to its code."""
    if _is_host(module.__name__) and _is_installed(path):
        return  # hundreds of modules; its version is recorded
    for value in list(vars(module).values()):
        name = _module_of(value)
        found = sys.modules.get(name or "")
        if found is None or name is None:
            continue
        source = _source(found)
        if source is None or name.startswith(OTHER_ROOMS):
            continue
        if _top(name) == _top(module.__name__) or not _is_installed(source):
            yield name


def _module_of(value: Any) -> str | None:
    if isinstance(value, ModuleType):
        return value.__name__
    return value.__module__ if isinstance(value, type | FunctionType) else None


def _is_host(name: str) -> bool:
    return _top(name).startswith("mm") and _top(name) != _top(__name__)


@functools.cache
def _is_installed(path: Path) -> bool:
    return bool(INSTALLED & set(path.parts))


def _top(name: str) -> str:
    return name.partition(".")[0]

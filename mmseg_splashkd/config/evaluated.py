"""What config files evaluate to, kept where nothing but their text decides it.

MMEngine takes some milliseconds for each file of a chain, and a config whose variables
are carried, checked or given is evaluated several times.
"""

import ast
import builtins
import functools
import pickle
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from mmseg_splashkd.config.chain import ConfigFile

# Builtins that read and change nothing outside of a file.
PLAIN = {"bool", "dict", "enumerate", "float", "int", "len", "list", "max", "min"}
PLAIN |= {"range", "round", "set", "sorted", "str", "sum", "tuple", "zip"}

Write = Callable[[Path, ConfigFile, Mapping[str, Any]], Path]


@dataclass(frozen=True)
class Given:
    """Values of variables, equal where they are written alike: 1 is not True."""

    values: Mapping[str, Any] = field(compare=False)
    written: str


def evaluated(file: ConfigFile, given: Mapping[str, Any], write: Write) -> ConfigDict:
    """What a config file evaluates to, as an object of the caller's own.

    Args:
        file: The file.
        given: Variable -> value.
        write: Writes the file with these values into a folder; returns the path. Equal
            functions write equal files.
    """
    own = Given(given, repr(dict(given)))
    kept = None
    if all(map(is_plain, (file, *file.inherited))):
        kept = _kept(file, own, write)
    return _evaluate(file, own, write) if kept is None else pickle.loads(kept)


@functools.lru_cache(maxsize=256)
def _kept(file: ConfigFile, given: Given, write: Write) -> bytes | None:
    """The values as bytes, which no caller can change and no collector visits."""
    values = _evaluate(file, given, write)
    try:
        return pickle.dumps(values)
    except (AttributeError, TypeError, pickle.PicklingError):  # of a function
        return None


def _evaluate(file: ConfigFile, given: Given, write: Write) -> ConfigDict:
    with tempfile.TemporaryDirectory() as folder:
        return Config.fromfile(str(write(Path(folder), file, given.values)))._cfg_dict


def is_plain(file: ConfigFile) -> bool:
    """Whether nothing but its text and that of its bases decides what a file sets.

    It imports nothing, calls no builtin that could read or change anything else, and
    inherits from no other package.
    """
    if not all(isinstance(base, ConfigFile) for base in file.bases):
        return False
    return not file.is_python or _is_plain(file.text)


@functools.lru_cache(maxsize=1024)
def _is_plain(text: str) -> bool:
    if "_deprecation_" in text:  # MMEngine warns of it
        return False
    for node in ast.walk(ast.parse(text)):
        name = getattr(node, "id", getattr(node, "attr", ""))
        if isinstance(node, ast.Import | ast.ImportFrom) or name.startswith("__"):
            return False
        if isinstance(node, ast.Name) and hasattr(builtins, name) and name not in PLAIN:
            return False
    return True

"""A config file with the files that it inherits, and the names that they set.

Config files in Python are parsed, not run; those in JSON or YAML are loaded.
"""

import ast
import functools
import io
import tempfile
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any, NamedTuple

import mmengine
from mmengine.config import Config

from mmseg_splashkd.config.keys import RECORDED, SET_BY_TOOLS, is_read

BASE = "_base_"
SCOPES = (ast.FunctionDef, ast.ClassDef, ast.Lambda)
SCOPES += (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class ConfigFile(NamedTuple):
    """A config file and the local files that it inherits.

    Attributes:
        path: The file.
        text: Its content, with the variables that MMEngine substitutes.
        bases: Files it inherits; a text for one of another package (``mmseg::...``).
        env: Environment variables that it reads.
    """

    path: Path
    text: str
    bases: tuple["ConfigFile | str", ...]
    env: tuple[tuple[str, str], ...] = ()

    @property
    def is_python(self) -> bool:
        """Whether it is a Python file, not JSON or YAML."""
        return self.path.suffix == ".py"

    @property
    def inherited(self) -> Iterator["ConfigFile"]:
        """Every local file below it."""
        for base in self.bases:
            if isinstance(base, ConfigFile):
                yield base
                yield from base.inherited


def read_chain(path: Path) -> ConfigFile:
    """Read a config file, and the local files that it inherits.

    Args:
        path: Absolute path of the file.
    """
    text, env, named = _substituted(path)
    bases = tuple(
        name if "::" in name else read_chain(_local(name, path)) for name in named
    )
    return ConfigFile(path, text, bases, tuple(env.items()))


def _local(name: str, path: Path) -> Path:
    """Path of a base that a file names."""
    return Path(Config._get_cfg_path(name, str(path))[0])


def _substituted(path: Path) -> tuple[str, dict[str, str], list[str]]:
    """A file's text with MMEngine's variables, those of the environment, its bases."""
    text = path.read_text(encoding="utf-8")
    if "{{" not in text:
        named = _literal_bases(text) if path.suffix == ".py" else None
        if named is None:
            named = Config._get_base_files(str(path))
        return text, {}, list(named)
    with tempfile.TemporaryDirectory() as folder:
        copy = str(Path(folder, path.name))
        Config._substitute_predefined_vars(str(path), copy)
        env = Config._substitute_env_variables(copy, copy)
        text = Path(copy).read_text(encoding="utf-8")
        return text, env, Config._get_base_files(copy)


@functools.lru_cache(maxsize=1024)
def _literal_bases(text: str) -> tuple[str, ...] | None:
    """What a Python file inherits, as MMEngine finds it, which parses twice each time.

    Returns:
        The names; None where they are computed, or the file cannot be parsed.
    """
    try:
        assigned = (
            line.value
            for line in ast.parse(text).body
            if isinstance(line, ast.Assign)
            and isinstance(line.targets[0], ast.Name)
            and line.targets[0].id == BASE
        )
        node = next(assigned, None)
        named = [] if node is None else ast.literal_eval(node)
    except (SyntaxError, ValueError):
        return None
    named = [named] if isinstance(named, str) else named
    return tuple(named) if isinstance(named, list) else None


def bound_names(file: ConfigFile) -> Set[str]:
    """Names that a file assigns at its top level."""
    if not file.is_python:
        return set(data_of(file)) - {BASE}
    return _assigned(file.text) - {BASE}


@functools.lru_cache(maxsize=256)
def _assigned(text: str) -> frozenset[str]:
    return frozenset().union(*map(assigned_names, ast.parse(text).body))


def data_of(file: ConfigFile) -> dict[str, Any]:
    """Content of a JSON or YAML file."""
    with io.StringIO(file.text) as stream:
        return mmengine.load(stream, file_format=file.path.suffix[1:]) or {}


def assigned_names(node: ast.AST) -> set[str]:
    """Names that a statement assigns, without those inside functions and classes."""
    if isinstance(node, SCOPES):
        return set()
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Store) else set()
    return set().union(*map(assigned_names, ast.iter_child_nodes(node)))


def _loads(node: ast.AST) -> set[str]:
    names = (each for each in ast.walk(node) if isinstance(each, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Load)}


def redefined_names(file: ConfigFile) -> Set[str]:
    """Variables that a file sets, and that a file it inherits sets too."""
    below = set().union(*map(bound_names, file.inherited))
    names = (bound_names(file) & below) - RECORDED.keys() - SET_BY_TOOLS.keys()
    return {name for name in names if not is_read({}, name)}


@functools.lru_cache(maxsize=256)
def carried_names(file: ConfigFile) -> Set[str]:
    """Variables for its bases: redefined, and used for nothing else in the file."""
    names = redefined_names(file)
    if not names or not file.is_python:
        return names
    body = ast.parse(file.text).body
    while True:
        others = [each for each in body if not _sets_only(each, names)]
        used = names & set().union(*map(_loads, others))
        if not used:
            return names
        names = names - used


def _sets_only(statement: ast.stmt, names: Set[str]) -> bool:
    targets = assigned_names(statement)
    return bool(targets) and targets <= names


def names_set(path: str | Path) -> Set[str]:
    """Top-level names that a file sets over the files it inherits; else none."""
    if Config._is_lazy_import(str(path)):
        return set()
    file = read_chain(Path(path).absolute())
    return bound_names(file) if file.bases else set()

"""Variables of config files (``max_iters``, ``size``), carried to what uses them.

MMEngine reads a base file before the file that inherits it, so a variable that is set
later changes nothing that the base computed from it. Here such a file is read once more
from a rewritten copy of the chain, in which the later value follows every assignment.
"""

import ast
import functools
import itertools
import warnings
from collections.abc import Collection, Iterator, Mapping, Set
from pathlib import Path
from typing import Any, NamedTuple

import mmengine
from mmengine.config import Config

from mmseg_splashkd.config.chain import (
    BASE,
    ConfigFile,
    assigned_names,
    bound_names,
    carried_names,
    data_of,
    read_chain,
    redefined_names,
)
from mmseg_splashkd.config.evaluated import evaluated
from mmseg_splashkd.config.keys import RECORDED, SHARED, acting, dotted_keys
from mmseg_splashkd.config.text import literal

NAMED = 3  # keys listed in an error


def read_file(
    path: str | Path,
    variables: Mapping[str, Any] | None = None,
    check: bool = True,
    replaced: Collection[str] = (),
) -> Config:
    """``Config.fromfile``, in which variables reach the files that are inherited.

    A variable that a file sets and does not read itself, and that one of its bases sets
    too, holds for its bases.

    Args:
        path: Config file.
        variables: Top-level name -> value, instead of what any file assigns.
        check: Warn of, or refuse, variables of the file that have no effect.
        replaced: Variables that are not checked, because an option replaces them.

    Raises:
        ValueError: A variable of the file changes nothing that a run reads, or the
            file cannot be read with ``variables``.
    """
    given = dict(variables or {})
    if Config._is_lazy_import(str(path)):  # Python imports, which set no variables
        cfg = Config.fromfile(str(path))
    else:
        file = read_chain(Path(path).absolute())
        if check:
            for name, problem, fatal in _problems(file):
                if fatal and name not in replaced:
                    raise ValueError(problem)
                if not fatal:
                    warnings.warn(problem, stacklevel=3)
        cfg = _evaluate(file, given, path)
    for name, value in given.items():
        cfg[name] = value
    return cfg


def _evaluate(
    file: ConfigFile,
    given: Mapping[str, Any],
    path: str | Path | None = None,
    without: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
) -> Config:
    try:
        values = evaluated(file, given, _Writer(without, also))
    except Exception as error:
        if not given:
            raise
        listed = ", ".join(f"{name}={value!r}" for name, value in given.items())
        raise ValueError(
            f"{file.path} cannot be read with {listed}: {type(error).__name__}: {error}"
        ) from error
    env = dict(pair for each in (file, *file.inherited) for pair in each.env)
    return Config(values, filename=str(path or file.path), env_variables=env)


class _Writer(NamedTuple):
    """Writes a copy of a config file; see ``_Copy.write``."""

    without: tuple[str, ...]
    also: tuple[str, ...]

    def __call__(
        self, folder: Path, file: ConfigFile, given: Mapping[str, Any]
    ) -> Path:
        return _Copy(folder).write(file, given, self.without, self.also)


# Rewritten copies.


def _path(base: ConfigFile | str) -> str:
    return base if isinstance(base, str) else str(base.path)


class _Copy:
    """Writes copies of files in which variables have other values."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = itertools.count()

    def write(
        self,
        file: ConfigFile,
        given: Mapping[str, Any],
        without: Collection[str] = (),
        also: Collection[str] = (),
    ) -> Path:
        """Copy a file and its bases.

        Args:
            file: The file.
            given: Variable -> value, in this file and all below.
            without: Variables of this file that its bases do not get.
            also: Variables that its bases get although the file reads them itself.
        """
        names = (carried_names(file) - set(without) | set(also)) - given.keys()
        carried = self._values(file, names, given)
        values = {**carried, **given}
        bases = [
            base if isinstance(base, str) else str(self.write(base, values))
            for base in file.bases
        ]
        if not bound_names(file) & values.keys() and bases == [*map(_path, file.bases)]:
            return file.path  # nothing to rewrite
        copy = self.folder / str(next(self.numbers)) / file.path.name
        copy.parent.mkdir()
        if file.is_python:
            text = ast.unparse(_rewritten(ast.parse(file.text), bases, values))
            copy.write_text(text, encoding="utf-8")
        else:
            data = data_of(file)
            data |= {name: literal(values[name]) for name in data.keys() & values}
            mmengine.dump(data | ({BASE: bases} if bases else {}), str(copy))
        return copy

    def _values(
        self, file: ConfigFile, names: Set[str], given: Mapping[str, Any]
    ) -> dict[str, Any]:
        if not names:
            return {}
        values = _literals(ast.parse(file.text)) if file.is_python else data_of(file)
        if not names <= values.keys():
            path = self.write(file, given, without=names)
            values = Config.fromfile(str(path)).to_dict() | values
        return {name: values[name] for name in names}


def _literals(tree: ast.Module) -> dict[str, Any]:
    """Values that a file assigns once, as a literal."""
    values, body = {}, tree.body
    bound = [name for statement in body for name in assigned_names(statement)]
    for statement in body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            (target,) = statement.targets
            if isinstance(target, ast.Name) and bound.count(target.id) == 1:
                try:
                    values[target.id] = ast.literal_eval(statement.value)
                except ValueError:
                    continue
    return values


def _rewritten(
    tree: ast.Module, bases: list[str], values: Mapping[str, Any]
) -> ast.Module:
    body: list[ast.stmt] = []
    for statement in tree.body:
        targets = assigned_names(statement)
        if BASE in targets:
            statement = _parsed(f"{BASE} = {bases!r}")
        body.append(statement)
        for name in sorted(targets & values.keys()):
            body.append(_parsed(_assignment(name, literal(values[name]))))
    return ast.Module(body, tree.type_ignores)


def _parsed(text: str) -> ast.stmt:
    return ast.parse(text).body[0]


def _assignment(name: str, value: Any) -> str:
    if not isinstance(value, dict):
        return f"{name} = {value!r}"
    # A dict is merged, as MMEngine merges that of a file into that of its base.
    merge = "__import__('mmengine').Config._merge_a_into_b"
    return (
        f"{name} = {merge}({{{name!r}: {value!r}}}, {{{name!r}: {name}}})[{name!r}] "
        f"if isinstance({name}, dict) else {value!r}"
    )


# Variables without effect.


@functools.lru_cache(maxsize=256)
def _problems(file: ConfigFile) -> tuple[tuple[str, str, bool], ...]:
    """Variables of a file that change nothing (an error), or not all (a warning)."""
    redefined, carried = redefined_names(file), carried_names(file)
    if not redefined:
        return ()
    cfg = _evaluate(file, {})
    result, problems = acting(cfg), []
    for name in sorted(redefined):
        if name not in carried and f"{BASE}.{name}" in file.text:
            continue  # derived from the value of the base, which keeps its own
        if name in carried:
            other = acting(_evaluate(file, {}, without=(name,)))
        else:
            other = acting(_evaluate(file, {}, also=(name,)))
        changed = result != other
        if changed == (name in carried) or _inherits(file, name, cfg.get(name)):
            continue
        where = f"{file.path} sets {name}={cfg.get(name)!r}"
        if name in carried:
            problem = (
                f"{where}, which changes nothing that a run reads. "
                f"{instead(cfg, name)}, or remove the line"
            )
        else:
            keys = ", ".join(_differing(result, other)[:NAMED])
            problem = (
                f"{where} and reads it itself, but its base files keep their own value "
                f"for {keys}: set these too"
            )
        problems.append((name, problem, name in carried))
    return tuple(problems)


def _inherits(file: ConfigFile, name: str, value: Any) -> bool:
    """Whether the bases of a file give a variable the same value."""
    found = [
        _evaluate(base, {}).get(name)
        for base in file.bases
        if isinstance(base, ConfigFile)
        and any(name in bound_names(each) for each in (base, *base.inherited))
    ]
    return value in found


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    first, second = (
        {key: value for key, value in dotted_keys(each) if not _has_children(value)}
        for each in (one, other)
    )
    return [key for key in first if key not in second or first[key] != second[key]]


def _has_children(value: Any) -> bool:
    return bool(value) and any(isinstance(each, dict) for each in _inside(value))


def _inside(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, list | tuple):
        for each in value:
            yield from _inside(each)


def instead(cfg: Config, name: str) -> str:
    """Advice on the keys that hold what a variable without effect seems to mean."""
    keys = list(dotted_keys(acting(cfg)))
    value = cfg.get(name)
    found = [key for key, _ in keys if key.endswith(f".{name}")]
    if value not in (None, "", 0, 1):
        found += [key for key, held in keys if held == value and key not in found]
    if not found:
        return "No key of the config is named so"
    return f"Set {', '.join(found[:NAMED])} instead"


def check_effect(
    path: str | Path, cfg: Config, variables: Mapping[str, Any], changed: Config
) -> None:
    """Refuse a variable that changes nothing that a run reads, or that is recorded.

    Keys of ``SHARED`` are set for data sets beside this.

    Args:
        path: The file.
        cfg: The config without the variables.
        variables: Top-level name -> value.
        changed: The config with all variables.

    Raises:
        ValueError: One has no effect.
    """
    for name in variables.keys() - SHARED - RECORDED.keys():
        others = {key: value for key, value in variables.items() if key != name}
        without = read_file(path, others, check=False) if others else cfg
        if acting(without) == acting(changed):
            raise ValueError(
                f"--cfg-options {name}: {name} changes nothing that a run of {path} "
                f"reads. {instead(cfg, name)}"
            )

"""Descriptions of the converters, read from the source of the package.

To import the package takes seconds, and ``--help`` needs a few texts of it.
"""

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple


class Texts(NamedTuple):
    """What a parser says about a converter; see ``converters.Converter``."""

    label_coding: str
    help: str
    layout: str


def converter_texts() -> dict[str, Texts]:
    """Texts by name of the converter, in the order of ``CONVERTERS``."""
    spec = find_spec("mmseg_splashkd")  # finds it without importing it
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("mmseg_splashkd is not installed: pip install -e '.[onedl]'")
    folder = Path(spec.submodule_search_locations[0], "datasets", "converters")
    table = _assigned(folder / "__init__.py", "CONVERTERS")
    assert isinstance(table, ast.Dict)
    return {
        ast.literal_eval(name): _texts(call, folder)
        for name, call in zip(table.keys, table.values, strict=True)
        if isinstance(name, ast.Constant) and isinstance(call, ast.Call)
    }


def _texts(call: ast.Call, folder: Path) -> Texts:
    given = dict(zip(("read", *Texts._fields), call.args, strict=False))
    given |= {each.arg: each.value for each in call.keywords if each.arg}
    return Texts(*(_text(given[name], folder) for name in Texts._fields))


def _text(node: ast.expr, folder: Path) -> str:
    """A literal, or a constant of a module beside, such as ``camvid.LAYOUT``."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        node = _assigned(folder / f"{node.value.id}.py", node.attr)
    return ast.literal_eval(node)


def _assigned(path: Path, name: str) -> ast.expr:
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign):
            target = statement.targets[0]
            if isinstance(target, ast.Name) and target.id == name:
                return statement.value
    raise ValueError(f"{path} assigns no {name}")

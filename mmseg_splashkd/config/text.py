"""A config as text, its hash, and the values of such a text, never executed."""

import ast
import hashlib
import math
from collections.abc import Iterator, Mapping
from pprint import pformat
from typing import Any

from mmengine.config import Config

LINE = 88


class _NotFinite(float):
    """A number that Python's literals lack, written as a call that configs know."""

    def __repr__(self) -> str:
        return f"float('{float(self)}')"


def config_text(cfg: Config) -> str:
    """A config as self-contained Python text, without the files it inherits from.

    Classes and functions, as values of ``type``, become their dotted names, which
    registries resolve to the same objects.
    """
    return values_text(cfg.to_dict())


def values_text(values: Mapping[str, Any]) -> str:
    """Values by name as Python text: one assignment of literals each."""
    return "".join(
        f"{key} = {pformat(literal(value), width=LINE, sort_dicts=False)}\n"
        for key, value in values.items()
    )


def literal(value: Any) -> Any:
    """The value as numbers, texts, lists, tuples and dicts only."""
    if isinstance(value, dict):
        return {key: literal(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(literal(each) for each in value)
    if callable(value):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, float) and not math.isfinite(value):
        return _NotFinite(value)
    return value


def text_values(text: str) -> dict[str, Any]:
    """The values of a text of ``config_text``, which is parsed and never executed.

    Args:
        text: Assignments of literals, and of ``dict(...)`` of literals, as
            ``Config.pretty_text`` writes them.

    Raises:
        ValueError: The text holds more than values.
    """
    try:
        return {name: node_value(node) for name, node in _assigned(text)}
    except (MemoryError, RecursionError, SyntaxError, TypeError, ValueError) as error:
        raise ValueError(f"the config holds more than values ({error})") from error


def _assigned(text: str) -> Iterator[tuple[str, ast.expr]]:
    for line in ast.parse(text).body:
        targets = line.targets if isinstance(line, ast.Assign) else []
        names = [each.id for each in targets if isinstance(each, ast.Name)]
        if not isinstance(line, ast.Assign) or len(names) != 1 or len(targets) != 1:
            raise ValueError(f"line {line.lineno} is no assignment to a name")
        yield names[0], line.value


def node_value(node: ast.expr) -> Any:
    """The value of a parsed literal, or ``dict(...)`` of literals.

    Raises:
        ValueError: It is anything else.
    """
    return ast.literal_eval(_Calls().visit(node))


class _Calls(ast.NodeTransformer):
    """Replaces the calls that configs hold by the values that they return.

    These are ``dict(a=1)``, ``dict({0: 1})`` with keys that are not names, and
    ``float('inf')``; all other calls stay, and are refused as literals.
    """

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name == "float" and len(node.args) == 1 and not node.keywords:
            (given,) = node.args
            is_text = isinstance(given, ast.Constant) and isinstance(given.value, str)
            return ast.Constant(float(given.value)) if is_text else node  # type: ignore
        given = [each for each in node.args if isinstance(each, ast.Dict)]
        keywords = [each.arg for each in node.keywords]
        if name != "dict" or not len(node.args) == len(given) <= 1 or None in keywords:
            return node
        keys = [key for each in given for key in each.keys]
        keys += [ast.Constant(keyword) for keyword in keywords]
        values = [value for each in given for value in each.values]
        return ast.Dict(keys, values + [each.value for each in node.keywords])


def text_sha256(text: str) -> str:
    """SHA-256 of a text in UTF-8, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()

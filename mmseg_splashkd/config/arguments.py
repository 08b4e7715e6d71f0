"""Values of ``--cfg-options``."""

import ast
import json
from collections.abc import Sequence
from typing import Any

from mmengine.config import DictAction

OPENING = ("[", "(", "{", "dict(")
NO_LITERAL = (
    "--cfg-options {}: the value is no literal of Python or JSON. Quote texts and "
    "close all brackets, as in \"KEY=[{{'type': 'DiceMetric'}}]\""
)


def parse_options(pairs: Sequence[str]) -> dict[str, Any]:
    """Parse ``KEY=VALUE`` pairs as mmengine's ``DictAction`` does, and dicts too.

    The command-line tools call it after they have parsed their arguments, so that
    ``--help`` needs no import of torch.

    Args:
        pairs: Dotted key, ``=``, and a number, a text, ``True``, ``None``, a list or
            tuple of these (``[1,2]``, ``(a,b)``), or any literal of Python or JSON
            (``[{'type': 'DiceMetric'}]``).

    Raises:
        ValueError: A pair has no ``=``, or a value in brackets, or of the form
            ``dict(...)``, is no literal.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"--cfg-options {pair}: expected KEY=VALUE")
        options[key] = _parse(pair, value.strip())
    return options


def _parse(pair: str, value: str) -> Any:
    if value.startswith(OPENING):
        for parse in (ast.literal_eval, json.loads):
            try:
                return parse(value)
            except (SyntaxError, ValueError):
                continue
        if value.startswith("dict(") or any(mark in value for mark in "{}'\""):
            raise ValueError(NO_LITERAL.format(pair))
    try:
        return DictAction._parse_iterable(value)  # texts without quotes
    except AssertionError as error:
        raise ValueError(f"--cfg-options {pair}: {error}") from error
    except RecursionError as error:  # of brackets behind a name, as in 'f(a,b)'
        raise ValueError(NO_LITERAL.format(pair)) from error

"""Parse ``KEY=V1,V2`` and ``KEY=LOW..HIGH`` of the command line."""

import ast
from collections.abc import Iterable, Iterator
from typing import Any

WORDS = {"true": True, "false": False, "none": None}
OPENING, CLOSING = "([{", ")]}"


def parse_grid(texts: Iterable[str]) -> dict[str, list[Any]]:
    """``['r=0,0.5', 'k=a,[1,2]']`` -> ``{'r': [0, 0.5], 'k': ['a', [1, 2]]}``.

    Raises:
        ValueError: A text is no assignment, or a key or a value is given twice.
    """
    grid: dict[str, list[Any]] = {}
    for key, text in _assignments(texts, "--grid"):
        grid[key] = _values("--grid", key, text)
    return grid


def parse_space(texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """``['lr=1e-4..1e-2:log', 'gamma=1,2']`` -> ranges and choices of a search.

    A range is ``{'low': .., 'high': .., 'kind': 'float' | 'log' | 'int'}``, a choice
    ``{'choices': [..]}``.

    Raises:
        ValueError: A text is no assignment, a key is given twice, a range is empty,
            not of numbers or, for ``log``, not positive, or there is only one choice.
    """
    return {key: _range_of(key, text) for key, text in _assignments(texts, "--space")}


def _assignments(texts: Iterable[str], option: str) -> Iterator[tuple[str, str]]:
    keys = set()
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals or not value:
            raise ValueError(f"{option} takes KEY=VALUES, got {text!r}")
        if key in keys:
            raise ValueError(f"{option} gives {key} twice: list all its values in one")
        keys.add(key)
        yield key, value


def _values(option: str, key: str, text: str) -> list[Any]:
    values = [parse_value(part) for part in split_commas(text)]
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{option} {key}={text}: {value!r} is given twice")
    return values


def _range_of(key: str, text: str) -> dict[str, Any]:
    if ".." not in text:
        return _choices(key, text)
    bounds, _, kind = text.partition(":")
    low, high = (parse_value(end) for end in bounds.split("..", 1))
    kind = kind or "float"
    numbers = [n for n in (low, high) if type(n) in (int, float)]
    if kind not in ("float", "log", "int") or len(numbers) < 2:
        raise ValueError(
            f"--space {key}={text}: a range is LOW..HIGH, LOW..HIGH:log or "
            f"LOW..HIGH:int, of numbers"
        )
    if kind == "int" and not all(isinstance(n, int) for n in numbers):
        raise ValueError(f"--space {key}={text}: :int needs whole numbers")
    if low >= high or (kind == "log" and low <= 0):
        raise ValueError(
            f"--space {key}={text}: LOW must be less than HIGH"
            f"{', and greater than 0' if kind == 'log' else ''}"
        )
    return {"low": low, "high": high, "kind": kind}


def _choices(key: str, text: str) -> dict[str, Any]:
    choices = _values("--space", key, text)
    if len(choices) < 2:
        raise ValueError(
            f"--space {key}={text} has only one choice: give LOW..HIGH or A,B; "
            f"--cfg-options {key}={text} sets it for all runs"
        )
    return {"choices": choices}


def parse_value(text: str) -> Any:
    """Parse a Python literal, true, false or none; anything else is a string."""
    text = text.strip()
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
    return list(value) if isinstance(value, tuple) else value


def split_commas(text: str) -> list[str]:
    """Split at the commas outside brackets."""
    parts, depth, start = [], 0, 0
    for index, letter in enumerate(text):
        depth += (letter in OPENING) - (letter in CLOSING)
        if letter == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]

"""A config as text, its hash, and the values of such a text."""

import ast
import hashlib
from pprint import pformat
from typing import Any

from mmengine.config import Config

LINE = 88


def config_text(cfg: Config) -> str:
    """A config as self-contained Python text, without the files it inherits from.

    Classes and functions, as values of ``type``, become their dotted names, which
    registries resolve to the same objects.
    """
    return "".join(
        f"{key} = {pformat(literal(value), width=LINE, sort_dicts=False)}\n"
        for key, value in cfg.to_dict().items()
    )


def literal(value: Any) -> Any:
    """The value as numbers, texts, lists, tuples and dicts only."""
    if isinstance(value, dict):
        return {key: literal(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(literal(each) for each in value)
    if callable(value):
        return f"{value.__module__}.{value.__qualname__}"
    return value


def text_values(text: str) -> dict[str, Any]:
    """The values of a text of ``config_text``, which is parsed and never executed.

    Raises:
        ValueError: The text holds more than values.
    """
    try:
        return {
            target.id: ast.literal_eval(line.value)
            for line in ast.parse(text).body
            if isinstance(line, ast.Assign)
            for target in line.targets
            if isinstance(target, ast.Name)
        }
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"the config holds more than values ({error})") from error


def text_sha256(text: str) -> str:
    """SHA-256 of a text in UTF-8, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()

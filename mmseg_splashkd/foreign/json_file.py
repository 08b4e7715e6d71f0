"""JSON from elsewhere, of bounded size and nesting."""

import json
from pathlib import Path
from typing import Any

from mmseg_splashkd.files import read_text
from mmseg_splashkd.foreign.reading import reading
from mmseg_splashkd.limits import NESTING, TEXT


def read_json(path: str | Path, what: str = "") -> Any:
    """Read a JSON file.

    Args:
        path: The file, in one of the encodings of ``read_text``.
        what: Its role, for the error, such as ``'plan'``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no JSON, or larger or nested deeper than the limits.
    """
    with reading(path, what):
        try:
            return parse_json(read_text(path))
        except json.JSONDecodeError as error:
            name = f"{what} {path}".lstrip()
            raise ValueError(f"{name} is not valid JSON: {error}") from error


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: It is no JSON, or larger or nested deeper than the limits. The
            message does not name the source.
    """
    TEXT.check(len(text), "the text")
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError(
            f"its values are nested more than {NESTING.value} levels deep "
            f"({NESTING.variable}), which Python cannot read"
        ) from error
    check_nesting(value)
    return value


def check_nesting(value: Any) -> None:
    """Refuse a value whose lists and objects lie in more levels than the limit.

    Raises:
        ValueError: It does.
    """
    limit, depth = NESTING.value, 0
    level = [value] if isinstance(value, dict | list) else []
    while level:
        if (depth := depth + 1) > limit:
            NESTING.check(depth, "the text")
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]

"""Values of ``--cfg-options``."""

from collections.abc import Sequence
from typing import Any

from mmengine.config import DictAction


def parse_options(pairs: Sequence[str]) -> dict[str, Any]:
    """Parse ``KEY=VALUE`` pairs as mmengine's ``DictAction`` does.

    The command-line tools call it after they have parsed their arguments, so that
    ``--help`` needs no import of torch.

    Args:
        pairs: Dotted key, ``=``, and a number, a text, ``True``, ``None``, or a list or
            tuple of these (``[1,2]``).

    Raises:
        ValueError: A pair has no ``=``, or brackets do not match.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"--cfg-options {pair}: expected KEY=VALUE")
        try:
            options[key] = DictAction._parse_iterable(value)
        except AssertionError as error:
            raise ValueError(f"--cfg-options {pair}: {error}") from error
    return options

"""Checks of the losses' arguments when a config is built."""

import math


def is_number(value: object) -> bool:
    """Whether a value is a finite int or float, and not a bool."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)


def check_positive(value: float | str, argument: str, alternative: str = "") -> float:
    """Return a number > 0.

    Args:
        value: Value from a config.
        argument: Name of the argument, for the error.
        alternative: Another accepted value, for the error, such as ``" or 'fitted'"``.

    Raises:
        ValueError: ``value`` is not a finite number > 0.
    """
    if isinstance(value, str) or not is_number(value) or value <= 0:
        raise ValueError(f"{argument} must be a number > 0{alternative}, got {value!r}")
    return value


def check_not_negative(value: float, argument: str) -> float:
    """Return a number >= 0, or raise a ValueError that names ``argument``."""
    if not is_number(value) or value < 0:
        raise ValueError(
            f"{argument} must be a number >= 0, got {value!r}; 0 disables it"
        )
    return value


def check_count(value: int, argument: str) -> int:
    """Return a whole number >= 1, or raise a ValueError that names ``argument``."""
    if not is_number(value) or value != int(value) or value < 1:
        raise ValueError(f"{argument} must be a whole number >= 1, got {value!r}")
    return int(value)

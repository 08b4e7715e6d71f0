"""Checks of the losses' arguments, at the moment the config is read."""

import math


def is_number(value: object) -> bool:
    """Whether it is a finite int or float, and no bool."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)


def check_positive(value: float | str, argument: str, other: str = "") -> float:
    """Return a number, or raise a ValueError where it is none above 0.

    Args:
        value: From a config.
        argument: What the user called it, named in the error.
        other: What else it might have been, likewise.
    """
    if isinstance(value, str) or not is_number(value) or value <= 0:
        raise ValueError(f"{argument} must be a number > 0{other}, got {value!r}")
    return value


def check_not_negative(value: float, argument: str) -> float:
    """Return a number, or raise a ValueError where it is none from 0 on."""
    if not is_number(value) or value < 0:
        raise ValueError(
            f"{argument} must be a number >= 0, got {value!r}; 0 leaves it out"
        )
    return value


def check_count(value: int, argument: str) -> int:
    """Return a count, or raise a ValueError where it is no whole number from 1 on."""
    if not is_number(value) or value != int(value) or value < 1:
        raise ValueError(f"{argument} must be a whole number >= 1, got {value!r}")
    return int(value)

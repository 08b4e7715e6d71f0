"""Numbers, durations, times and colours as text."""

import math
from collections.abc import Sequence

from mmseg_splashkd.datasets.timestamps import to_utc

GIB = 1024  # MiB


def number(value: float | None, digits: int = 2) -> str:
    """Format a number with thousands separators; ``n/a`` for NaN and None.

    Args:
        value: The number.
        digits: Number of decimals.
    """
    if value is None or math.isnan(value):
        return "n/a"
    return f"{value:,.{digits}f}"


def signed(value: float) -> str:
    """Format a difference in points with its sign and one decimal: ``+0.8``."""
    if math.isnan(value):
        return "n/a"
    text = f"{value:+.1f}"
    return "0.0" if float(text) == 0 else minus(text)


def minus(text: str) -> str:
    """Replace hyphens by minus signs, which are as wide as a plus."""
    return text.replace("-", "\N{MINUS SIGN}")


def plural(count: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """``3 min 10 s``; empty for None."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def gib(mib: float | None) -> str:
    """Memory in GiB of a value in MiB; empty for None."""
    return "" if mib is None else f"{mib / GIB:.1f} GiB"


def moment(recording: str, timestamp: int) -> str:
    """Recording and UTC time of a frame; empty where neither is known.

    Args:
        recording: Name of the recording; ``'.'`` is the image folder itself.
        timestamp: UNIX time in nanoseconds; -1 if unknown.
    """
    if timestamp < 0:
        return "" if recording == "." else recording
    time = f"{to_utc(timestamp):%Y-%m-%d %H:%M:%S} UTC"
    return time if recording == "." else f"{recording}, {time}"


def css(color: Sequence[int]) -> str:
    """An RGB colour in [0, 255] as a CSS colour."""
    return "#{:02x}{:02x}{:02x}".format(*color)

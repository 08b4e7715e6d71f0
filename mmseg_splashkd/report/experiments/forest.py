"""Forest plot: differences with their intervals along a common axis."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import MaxNLocator

from mmseg_splashkd.report.formatting import minus
from mmseg_splashkd.statistics import Difference

MOST = 4.0  # median interval lengths; the axis ends there


@dataclass(frozen=True)
class Strip:
    """One difference; positions are in percent of the length of the axis.

    Args:
        value: Position of the estimate; None if it is unknown.
        low: Position of the lower end of the interval; None without an interval.
        high: Position of the upper end; None without an interval.
        cut_low: Whether the interval extends below the axis.
        cut_high: Whether the interval extends above the axis.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    cut_low: bool = False
    cut_high: bool = False


@dataclass(frozen=True)
class Axis:
    """The common axis.

    Args:
        ticks: Position in percent of the length, and text, of each tick.
        zero: Position of 0 in percent of the length.
    """

    ticks: tuple[tuple[float, str], ...]
    zero: float


def place(differences: Sequence[Difference]) -> tuple[Axis, list[Strip]]:
    """Place differences along one axis that contains 0.

    An interval much wider than the others is cut off, so that the others stay legible.

    Args:
        differences: Differences in points, at least one.
    """
    low, high = _range(differences)
    steps = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    ticks = [tick for tick in steps if low <= tick <= high]

    def at(value: float) -> float:
        return round(float(np.clip(100 * (value - low) / (high - low), 0, 100)), 2)

    strips = []
    for each in differences:
        if np.isnan(each.value):
            strips.append(Strip(None))
        elif each.interval is None:
            strips.append(Strip(at(each.value)))
        else:
            begin, end = each.interval.low, each.interval.high
            cut = begin < low, end > high
            strips.append(Strip(at(each.value), at(begin), at(end), *cut))
    axis = Axis(tuple((at(tick), _tick(tick)) for tick in ticks), at(0))
    return axis, strips


def _tick(tick: float) -> str:
    return "0" if abs(tick) < 1e-9 else minus(f"{tick:+g}")


def _range(differences: Sequence[Difference]) -> tuple[float, float]:
    values = [each.value for each in differences if not np.isnan(each.value)]
    intervals = [each.interval for each in differences if each.interval]
    ends = [end for each in intervals for end in (each.low, each.high)]
    lengths = [each.high - each.low for each in intervals]
    usual = MOST * float(np.median(lengths)) if lengths else 0.0
    inside = [
        float(np.clip(end, min([0, *values]) - usual, max([0, *values]) + usual))
        for end in ends
    ]
    low, high = min([0, *values, *inside]), max([0, *values, *inside])
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin

"""Differences with their intervals, placed along an axis."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import MaxNLocator

from mmseg_splashkd.report.experiments.tables import minus
from mmseg_splashkd.statistics import Difference

MOST = 4.0  # times the usual reach of an interval: what goes beyond is cut off


@dataclass(frozen=True)
class Strip:
    """One difference, in percent of the axis' length.

    Args:
        value: Where its estimate is; None where it is unknown.
        low: Where its interval begins.
        high: Where it ends.
        cut_low: Whether the interval goes on beyond the axis.
        cut_high: Likewise.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    cut_low: bool = False
    cut_high: bool = False


@dataclass(frozen=True)
class Axis:
    """Round figures along an axis: percent of its length, text."""

    ticks: tuple[tuple[float, str], ...]
    zero: float


def place(differences: Sequence[Difference]) -> tuple[Axis, list[Strip]]:
    """Lay differences out along one axis, which holds 0.

    One very wide interval would leave no room for the others: it is cut off.

    Args:
        differences: In points; at least one.
    """
    low, high = _range(differences)
    steps = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    ticks = [tick for tick in steps if low <= tick <= high]

    def at(value: float) -> float:
        return round(float(np.clip(100 * (value - low) / (high - low), 0, 100)), 2)

    strips = []
    for found in differences:
        if np.isnan(found.value):
            strips.append(Strip(None))
        elif found.interval is None:
            strips.append(Strip(at(found.value)))
        else:
            begin, end = found.interval.low, found.interval.high
            cut = begin < low, end > high
            strips.append(Strip(at(found.value), at(begin), at(end), *cut))
    axis = Axis(tuple((at(tick), _signed(tick)) for tick in ticks), at(0))
    return axis, strips


def _signed(tick: float) -> str:
    return "0" if abs(tick) < 1e-9 else minus(f"{tick:+g}")


def _range(differences: Sequence[Difference]) -> tuple[float, float]:
    values = [found.value for found in differences if not np.isnan(found.value)]
    intervals = [found.interval for found in differences if found.interval]
    ends = [end for each in intervals for end in (each.low, each.high)]
    reach = [each.high - each.low for each in intervals]
    usual = MOST * float(np.median(reach)) if reach else 0.0
    inside = [
        float(np.clip(end, min([0, *values]) - usual, max([0, *values]) + usual))
        for end in ends
    ]
    low, high = min([0, *values, *inside]), max([0, *values, *inside])
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin

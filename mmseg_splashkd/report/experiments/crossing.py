"""Learning curves compared: where two cross, and whether one has become flat."""

from typing import NamedTuple

import numpy as np

Curve = tuple[np.ndarray, np.ndarray]  # (N,) places in rising order, (N,) values
THIRD = 3  # the last part of a run that decides whether it is saturated is 1 / 3
FEWEST = 3  # validations


class Crossing(NamedTuple):
    """How two curves lie to each other where both are known.

    Attributes:
        begin: First place that both have.
        end: Last place that both have.
        places: Where they cross, in rising order; empty where they do not.
        first_leads: Whether the first one is higher at the end; None if they are equal.
    """

    begin: float
    end: float
    places: tuple[float, ...]
    first_leads: bool | None


class Saturation(NamedTuple):
    """Whether a curve has become flat.

    Attributes:
        gain: Highest value of the last third of the run minus the highest one before.
        is_flat: Whether that is not more than the smallest relevant difference.
    """

    gain: float
    is_flat: bool


def cross(first: Curve, second: Curve) -> Crossing | None:
    """Compare two curves, each linear between its points.

    Args:
        first: Places and values.
        second: Places and values, at other places too.

    Returns:
        None where they have no place in common.
    """
    if not len(first[0]) or not len(second[0]):
        return None
    begin, end = max(first[0][0], second[0][0]), min(first[0][-1], second[0][-1])
    if begin > end:
        return None
    places = np.unique(np.concatenate([first[0], second[0], [begin, end]]))
    places = places[(places >= begin) & (places <= end)]
    lead = np.interp(places, *first) - np.interp(places, *second)
    known = lead != 0  # where they only touch, they do not cross
    x, y = places[known], lead[known]
    turns = np.flatnonzero(np.sign(y[1:]) != np.sign(y[:-1]))
    share = y[turns] / (y[turns] - y[turns + 1])
    crossed = x[turns] + share * (x[turns + 1] - x[turns])
    leads = None if lead[-1] == 0 else bool(lead[-1] > 0)
    return Crossing(float(begin), float(end), tuple(crossed.tolist()), leads)


def saturation(curve: Curve, worth: float) -> Saturation | None:
    """Judge whether a run has stopped gaining for a third of its length.

    Args:
        curve: Iterations and scores in percent, higher is better.
        worth: Smallest relevant difference in points.

    Returns:
        None where fewer than three validations, or none on one side, decide nothing.
    """
    steps, values = curve
    if len(steps) < FEWEST:
        return None
    late = steps > steps[-1] * (THIRD - 1) / THIRD
    if not late.any() or late.all():
        return None
    gain = float(values[late].max() - values[~late].max())
    return Saturation(gain, gain <= worth)

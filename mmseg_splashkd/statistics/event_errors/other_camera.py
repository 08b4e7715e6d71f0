"""A sign, without labels, that frames are unlike those of the reference."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import logit, stdtr

from mmseg_splashkd.statistics.event_errors.reference import EventReference, Signs

ALPHA = 0.01  # of one sign of one day
SMALLEST_SHARE = 1e-6  # below, shares of calm frames are alike
ABOVE = "event_time"  # a day with fewer events is only a quiet one
SHORTEST = 0.005  # share of time; what is shorter is alike
FEWEST = 3  # blocks that have a sign


class Unlike(NamedTuple):
    """A sign of a day that no block of the reference has.

    Attributes:
        name: A field of ``Signs``.
        value: That of the day.
        low: Lowest of the blocks of the reference.
        high: Highest.
        p: Probability of as large a deviation of a day like these blocks.
    """

    name: str
    value: float
    low: float
    high: float
    p: float


def unlike(reference: EventReference, day: Signs, alpha: float = ALPHA) -> list[Unlike]:
    """Compare a day with the blocks of the reference.

    Each sign is taken as normal, shares after their logarithm, and times after their
    log-odds: a new one lies within mean +- t s sqrt(1 + 1 / J) of J blocks. A day is
    unlike only if it also lies beyond all blocks; of the time in events, above all.

    Args:
        reference: Frames whose truth is known.
        day: Signs of the day, or of a block as long as those of the reference.
        alpha: Share of such days that are called unlike by each sign, in (0, 1).

    Returns:
        The signs that are unlike. A sign that fewer than three blocks have, or the day
        has not, says nothing.
    """
    found = []
    for name in Signs._fields:
        value = getattr(day, name)
        known = [getattr(each, name) for each in reference.signs]
        known = [each for each in known if not math.isnan(each)]
        if math.isnan(value) or len(known) < FEWEST:
            continue
        p = _p(_scaled(name, [value])[0], _scaled(name, known))
        if name == ABOVE:
            p = p / 2 if value > max(known) else 1.0
        if p < alpha and not min(known) <= value <= max(known):
            found.append(Unlike(name, value, min(known), max(known), p))
    return found


def _scaled(name: str, values: Sequence[float]) -> np.ndarray:
    array = np.array(values, float)
    if name == "calm_share":
        return np.log(array + SMALLEST_SHARE)
    if name == "event_time":
        return logit(array.clip(SHORTEST, 1 - SHORTEST))
    return array


def _p(value: float, known: np.ndarray) -> float:
    many = len(known)
    error = float(known.std(ddof=1)) * math.sqrt(1 + 1 / many)
    if error == 0:
        return float(value == known[0])
    return float(2 * stdtr(many - 1, -abs(value - known.mean()) / error))

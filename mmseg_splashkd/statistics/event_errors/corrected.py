"""Corrected durations, areas and counts of events, with 95 % intervals."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmseg_splashkd.statistics.event_errors.draws import Draws, Predictor
from mmseg_splashkd.statistics.event_errors.reference import Seen

LEVELS = (0.025, 0.975)
INSIDE = LEVELS[1] - LEVELS[0]
FEWEST_DRAWS = 50  # in which an event is real; fewer: no interval
NAN = float("nan")


class Estimate(NamedTuple):
    """A value and its 95 % prediction interval.

    Attributes:
        value: Mean of the draws.
        low: Lower end: of a quantity, 2.5 % of the draws are below; of a number, see
            ``estimate_number``.
        high: Upper end: 2.5 % are above.
    """

    value: float
    low: float
    high: float


UNKNOWN = Estimate(NAN, NAN, NAN)


class CorrectedEvent(NamedTuple):
    """A found event, corrected.

    Attributes:
        real: Probability that it is a true event, in [0, 1].
        duration_s: Duration in seconds if it is real; unknown where fewer than 50 draws
            say so.
        area_share_s: Area in share x seconds if it is real.
    """

    real: float
    duration_s: Estimate
    area_share_s: Estimate


class Totals(NamedTuple):
    """Sums over the events that begin in a span of time, corrected.

    Attributes:
        found: Number of found events.
        events: Number of true events.
        duration_s: Their duration in seconds.
        area_share_s: Their area in share x seconds.
    """

    found: int
    events: Estimate
    duration_s: Estimate
    area_share_s: Estimate


class CorrectedDay(NamedTuple):
    """A day, its events and its spans.

    Attributes:
        events: The found events.
        day: Sums of the day.
        spans: Sums of each span.
    """

    events: tuple[CorrectedEvent, ...]
    day: Totals
    spans: tuple[Totals, ...]


def correct_day(
    predictor: Predictor,
    seen: Sequence[Seen],
    spans: Sequence[int],
    observed_s: Sequence[float],
    interval_s: float,
    day: int,
) -> CorrectedDay:
    """Correct the events of a day.

    Args:
        predictor: Errors of the network.
        seen: The m found events of the day.
        spans: Index of the span in which each event begins, such as its hour.
        observed_s: Observed seconds of each span.
        interval_s: Seconds between frames.
        day: Number of the day, see ``Predictor.draw``.
    """
    draws = predictor.draw(seen, spans, observed_s, interval_s, day)
    at = np.array(spans, int)
    every = range(len(observed_s))
    return CorrectedDay(
        tuple(_event(draws, column) for column in range(len(seen))),
        _totals(draws, np.arange(len(seen)), list(every)),
        tuple(_totals(draws, np.flatnonzero(at == span), [span]) for span in every),
    )


def estimate(values: np.ndarray) -> Estimate:
    """Mean and 95 % interval of draws."""
    low, high = np.quantile(values, LEVELS)
    return Estimate(float(values.mean()), float(low), float(high))


def estimate_number(values: np.ndarray) -> Estimate:
    """Mean of draws of a whole number, and the shortest interval with 95 % of them.

    Cut to whole numbers, quantiles leave out less than 2.5 % at each end, so that more
    than 95 % are inside. Of several shortest intervals, the lowest is taken.

    Args:
        values: (R,) draws.
    """
    ordered = np.sort(values)
    inside = math.ceil(INSIDE * len(ordered) - 1e-9)
    widths = ordered[inside - 1 :] - ordered[: len(ordered) - inside + 1]
    first = int(widths.argmin())
    low, high = ordered[first], ordered[first + inside - 1]
    return Estimate(float(values.mean()), float(low), float(high))


def _event(draws: Draws, column: int) -> CorrectedEvent:
    is_real = draws.true[:, column] > 0
    if is_real.sum() < FEWEST_DRAWS:
        return CorrectedEvent(float(is_real.mean()), UNKNOWN, UNKNOWN)
    return CorrectedEvent(
        float(is_real.mean()),
        estimate(draws.duration_s[is_real, column]),
        estimate(draws.area_share_s[is_real, column]),
    )


def _totals(draws: Draws, chosen: np.ndarray, spans: list[int]) -> Totals:
    """Sums over some found events, and over what some spans missed."""
    missed = (draws.missed, draws.missed_s, draws.missed_share_s)
    events, *sizes = (
        found[:, chosen].sum(1) + lost[:, spans].sum(1)
        for found, lost in zip(draws[:3], missed, strict=True)
    )
    return Totals(len(chosen), estimate_number(events), *map(estimate, sizes))

"""Times of several models, measured in turn.

A machine that is busy for a while slows down whatever runs then. Models timed one after
the other are therefore not comparable; models of which each runs one frame per round
are, since all of them are slowed alike.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

Pass = Callable[[], object]


class Spread(NamedTuple):
    """Median and quartiles of repeated measurements.

    Attributes:
        median: The median.
        low: The first quartile.
        high: The third quartile.
    """

    median: float
    low: float
    high: float


def time_in_turn(
    passes: Mapping[str, Pass],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    before: Mapping[str, Pass] | None = None,
) -> dict[str, list[float]]:
    """Time passes in rounds: each runs once per round, after one round of warm-up.

    The order is reversed in every second round, so that no model always follows the
    same other one, whose data fill the caches.

    Args:
        passes: Name -> a pass, which returns when its result is there.
        rounds: Number of timed rounds, >= 1.
        clock: Seconds.
        before: Name -> what precedes each of its passes, and is not timed.

    Returns:
        Name -> seconds of each round.

    Raises:
        ValueError: ``rounds`` is below 1.
    """
    if rounds < 1:
        raise ValueError(f"rounds={rounds} must be at least 1")
    preceding = before or {}
    seconds: dict[str, list[float]] = {name: [] for name in passes}
    for number in range(1 + rounds):
        for name in passes if number % 2 == 0 else reversed(list(passes)):
            if name in preceding:
                preceding[name]()
            start = clock()
            passes[name]()
            seconds[name].append(clock() - start)
    return {name: times[1:] for name, times in seconds.items()}


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles (linear interpolation, as NumPy's default)."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def ratios(times: Sequence[float], reference: Sequence[float]) -> Spread:
    """Times of a model as a ratio to those of a reference in the same rounds."""
    pairs = zip(times, reference, strict=True)
    return spread([one / other for one, other in pairs])

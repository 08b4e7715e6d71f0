"""Days of events with errors that are drawn from a known distribution."""

from typing import NamedTuple

import numpy as np

from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.statistics.event_errors import (
    EventReference,
    Known,
    Missed,
    Seen,
    Signs,
)

INTERVAL = 30.0


class World(NamedTuple):
    """Errors of a network.

    Attributes:
        bias: Mean of log(true area / found area).
        of_day: Standard deviation of the part that a day has in common.
        of_event: That of an event.
        false: Probability that a weak found event is false; strong ones never are.
        missed: Probability that a true event is missed.
    """

    bias: float = -0.2
    of_day: float = 0.15
    of_event: float = 0.25
    false: float = 0.4
    missed: float = 0.1


class DrawnDay(NamedTuple):
    """Found and missed events of a day, and its signs."""

    found: list[Known]
    missed: list[Missed]
    signs: Signs


def drawn_day(
    world: World, rng: np.random.Generator, block: int = 0, mean: float = 8.0
) -> DrawnDay:
    """Draw a day with about ``mean`` true events."""
    common = world.of_day * rng.standard_normal()
    found, missed = [], []
    for _ in range(rng.poisson(mean)):
        frames = 1 + rng.poisson(4)
        area = INTERVAL * frames * rng.lognormal(np.log(0.01), 0.5)
        if rng.random() < world.missed:
            missed.append(Missed(block, INTERVAL * frames, area))
            continue
        error = world.bias + common + world.of_event * rng.standard_normal()
        seen = max(1, frames + rng.integers(-1, 2))
        found.append(
            Known(
                block,
                Seen(INTERVAL * seen, area * np.exp(-error), 0.03, 0.9),
                1,
                INTERVAL * frames,
                area,
            )
        )
    for _ in range(rng.poisson(mean * world.false / 2)):
        found.append(Known(block, Seen(INTERVAL, 0.2, 0.008, 0.6), 0, 0.0, 0.0))
    for _ in range(rng.poisson(mean * (1 - world.false) / 4)):
        error = world.bias + common + world.of_event * rng.standard_normal()
        area = 0.2 * np.exp(error)
        found.append(Known(block, Seen(INTERVAL, 0.2, 0.008, 0.6), 1, INTERVAL, area))
    return DrawnDay(
        found, missed, Signs(0.9 + 0.02 * rng.standard_normal(), 1e-4, 0.25)
    )


def reference(world: World, rng: np.random.Generator, days: int = 12) -> EventReference:
    """The errors of some days."""
    drawn = [drawn_day(world, rng, block) for block in range(days)]
    return EventReference(
        EventSettings(on=0.01, off=0.005),
        "splash",
        INTERVAL,
        tuple(each for day in drawn for each in day.found),
        tuple(each for day in drawn for each in day.missed),
        tuple(day.signs for day in drawn),
    )

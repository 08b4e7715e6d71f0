"""Costs of several runs, and whether their times compare."""

from collections.abc import Iterable

from mmseg_splashkd.records.record import Cost


def measured_in_turn(costs: Iterable[Cost | None]) -> bool:
    """Whether all costs are of one measurement in turn, so that their times compare."""
    timings = [cost.timing if cost else None for cost in costs]
    return len({each.measurement if each else None for each in timings}) == 1 and (
        timings[0] is not None
    )

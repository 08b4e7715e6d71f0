"""Weights that change over the iterations of a run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmseg_splashkd.models.losses.arguments import is_number

KINDS = ("constant", "linear", "cosine")


@dataclass(frozen=True)
class Schedule:
    """A value as a pure function of the iteration; resuming needs no state.

    The value is ``start`` before ``begin`` and ``end`` from ``until`` on. A warm-up is
    ``dict(kind="linear", end=0.5, until=1000)``.

    Args:
        kind: ``'constant'`` (default; always ``end``), ``'linear'`` or ``'cosine'``
            (half a period, with slope 0 at both ends).
        end: Value >= 0 from iteration ``until`` on.
        start: Value >= 0 before iteration ``begin``; default 0.
        begin: First iteration of the change, >= 0; default 0.
        until: First iteration after the change, > ``begin``; default 0.
        stop_at: First iteration from which on the value is 0, >= 0; default None:
            never.
    """

    end: float
    kind: str = "constant"
    start: float = 0.0
    begin: int = 0
    until: int = 0
    stop_at: int | None = None

    def __call__(self, iteration: int) -> float:
        """Value at an iteration, counted from 0."""
        if self.stop_at is not None and iteration >= self.stop_at:
            return 0.0
        if self.kind == "constant" or iteration >= self.until:
            return self.end
        if iteration <= self.begin:
            return self.start
        fraction = (iteration - self.begin) / (self.until - self.begin)
        if self.kind == "cosine":
            fraction = (1 - math.cos(math.pi * fraction)) / 2
        return self.start + fraction * (self.end - self.start)

    @property
    def peak(self) -> float:
        """The largest value of the schedule."""
        return self.end if self.kind == "constant" else max(self.start, self.end)

    @property
    def changes(self) -> bool:
        """Whether the value changes over iterations."""
        return self.kind != "constant" or self.stop_at is not None


def schedule_of(value: float | Mapping[str, Any], argument: str) -> Schedule:
    """Read a number, or a mapping with the arguments of ``Schedule``.

    Args:
        value: Value from a config.
        argument: Name of the argument, for the error.

    Raises:
        ValueError: A key is unknown or missing, a kind is unknown, a value is negative
            or not finite, or the iterations are out of order.
    """
    if not isinstance(value, Mapping):
        value = {"end": value}
    fields = Schedule.__dataclass_fields__
    if unknown := sorted(value.keys() - fields):
        raise ValueError(f"{argument} has {unknown}; it takes {sorted(fields)}")
    if "end" not in value:
        raise ValueError(f"{argument}={dict(value)} lacks end, its final value")
    schedule = Schedule(**value)
    for key in ("begin", "until", "stop_at"):
        number = getattr(schedule, key)
        if number is not None and not (is_number(number) and number == int(number)):
            raise ValueError(f"{argument}.{key} must be an iteration, got {number!r}")
    moving = sorted({"start", "begin", "until"} & value.keys())
    if schedule.kind == "constant" and moving:
        raise ValueError(
            f"{argument} has {moving} and no kind: set kind='linear' or 'cosine'"
        )
    if schedule.kind not in KINDS:
        raise ValueError(f"{argument}.kind must be one of {KINDS}: {schedule.kind!r}")
    for key in ("start", "end"):
        number = getattr(schedule, key)
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ValueError(f"{argument} must be a number or a schedule: {number!r}")
        if not is_number(number) or number < 0:
            raise ValueError(f"{argument} must be finite and >= 0, got {number}")
    if schedule.kind != "constant" and not 0 <= schedule.begin < schedule.until:
        raise ValueError(
            f"{argument}: a {schedule.kind} schedule needs 0 <= begin < until, got "
            f"begin={schedule.begin}, until={schedule.until}"
        )
    if schedule.stop_at is not None and schedule.stop_at < 0:
        raise ValueError(f"{argument}.stop_at must be >= 0, got {schedule.stop_at}")
    return schedule

"""Sums over hours and days: frames, and the events that begin in them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from mmseg_splashkd.datasets.timestamps import SECOND, to_utc
from mmseg_splashkd.deploy.watch.rows import Row
from mmseg_splashkd.evaluation.events import Event

HOUR = 3600 * SECOND  # nanoseconds
MINUTE = 60  # seconds


@dataclass
class Sum:
    """What was watched and found in a span of time.

    Attributes:
        frames: Number of rows.
        events: Number of events that begin in it.
        minutes: Sum of their durations in minutes, also where they end later.
        area: Sum of their areas in share x seconds.
    """

    frames: int = 0
    events: int = 0
    minutes: float = 0.0
    area: float = 0.0

    def add(self, other: "Sum") -> None:
        """Add the sums of another span."""
        self.frames += other.frames
        self.events += other.events
        self.minutes += other.minutes
        self.area += other.area


@dataclass
class Hours:
    """Number of rows in each hour, counted from 1970.

    Attributes:
        frames: Hour -> number of rows.
    """

    frames: Counter[int] = field(default_factory=Counter)

    def on_row(self, row: Row) -> None:
        """Count a row."""
        self.frames[row.time_ns // HOUR] += 1

    def sums(self, events: Iterable[Event]) -> dict[datetime, Sum]:
        """Sums of each hour that has rows, by its beginning in UTC.

        Args:
            events: Events found in the rows.
        """
        found = {hour: Sum(count) for hour, count in sorted(self.frames.items())}
        for event in events:
            each = Sum(0, 1, event.duration_s / MINUTE, event.area_share_s)
            found[event.start_ns // HOUR].add(each)
        return {to_utc(hour * HOUR): each for hour, each in found.items()}


def days_of(hours: Mapping[datetime, Sum]) -> dict[date, Sum]:
    """Sums of each day of some hours."""
    found: dict[date, Sum] = {}
    for hour, each in hours.items():
        found.setdefault(hour.date(), Sum()).add(each)
    return found

"""Events, hours and days with 95 % intervals, from a table of rows and of events."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy.watch import rows
from mmseg_splashkd.evaluation.events import Event, EventSettings
from mmseg_splashkd.evaluation.events.pace import Pace
from mmseg_splashkd.evaluation.events.table import format_utc
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.statistics.event_errors import (
    CorrectedDay,
    Estimate,
    EventReference,
    Predictor,
    Seen,
    Signs,
    Totals,
    Unlike,
    correct_day,
    unlike,
)

EVENTS, HOURS, DAYS = "corrected.csv", "hours.csv", "days.csv"
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND
OTHER_PACE = 2.0  # times the interval of the reference, or its inverse
SUMS = ("events", "duration_s", "area_share_s")
SHOWN = [
    "Day (UTC)",
    "Events",
    "Minutes of splash",
    "Area (% of a frame x s)",
    "Unlike",
]


@dataclass
class _Hour:
    """What rows show of an hour."""

    observed_s: float = 0.0
    calm: int = 0
    calm_share: float = 0.0
    busy: int = 0  # frames in events


@dataclass
class _Summed:
    """Sums over rows, in memory for each hour and each event."""

    hours: dict[int, _Hour] = field(default_factory=dict)
    weights: dict[int, float] = field(default_factory=dict)  # of events, by start
    confidence: dict[int, float] = field(default_factory=dict)
    steps_ns: dict[int, int] = field(default_factory=dict)  # interval of a day


class ErrorBars:
    """Corrects the events of a recording by errors that are known.

    Args:
        reference: Errors of the network where the truth is known.
        seed: Seed of the draws.

    Example:
        ``ErrorBars(EventReference.read("errors.json")).write(folder, events)``
    """

    def __init__(self, reference: EventReference, seed: int = 0) -> None:
        self.reference = reference
        self.shown: list[list[str]] = []  # of each day, for a page
        self._predictor = Predictor(reference, seed=seed)

    @classmethod
    def read(cls, path: str | Path) -> "ErrorBars":
        """Those of a file of ``tools/event_errors.py``.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is damaged.
        """
        return cls(EventReference.read(path))

    def check(self, class_name: str, settings: EventSettings) -> None:
        """Refuse a reference of another class or of other settings.

        Raises:
            ValueError: It is.
        """
        known = self.reference
        if class_name != known.class_name:
            raise ValueError(
                f"--errors are of {known.class_name!r}, and {class_name!r} is watched: "
                f"name that class with --class, or write its errors"
            )
        if settings != known.settings:
            raise ValueError(
                f"--errors are of events by {known.settings.as_json()}, and these are "
                f"by {settings.as_json()}: leave the settings out, or write the errors "
                f"with these"
            )

    def write(self, folder: Path, events: Sequence[Event]) -> list[str]:
        """Write the tables of events, hours and days beside the rows.

        Args:
            folder: Folder of ``rows.csv``.
            events: Its events, in the order of time.

        Returns:
            Lines about the days.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
            ValueError: The rows are damaged, or much denser or sparser than the frames
                of the reference.
        """
        summed = _sum_rows(rows.read_rows(folder / rows.FILE), events)
        if not summed.hours:
            return []
        _check_pace(median_low(summed.steps_ns.values()) / SECOND, self.reference)
        days = [self._day(day, summed, events) for day in _days(summed)]
        _write(folder / EVENTS, _event_table(days))
        _write(folder / HOURS, _hour_table(days))
        _write(folder / DAYS, _day_table(days))
        self.shown = [_shown(day) for day in days]
        return [*_told(days), f"Intervals: {folder / EVENTS}, {HOURS}, {DAYS}"]

    def _day(self, day: int, summed: _Summed, events: Sequence[Event]) -> "_Day":
        hours = sorted(hour for hour in summed.hours if hour // 24 == day)
        own = [each for each in events if each.start_ns // DAY == day]
        seen = [_seen(each, summed) for each in own]
        spans = [hours.index(each.start_ns // HOUR) for each in own]
        observed = [summed.hours[hour].observed_s for hour in hours]
        step = summed.steps_ns[day] / SECOND
        corrected = correct_day(self._predictor, seen, spans, observed, step, day)
        signs = _signs([summed.hours[hour] for hour in hours], seen)
        return _Day(day, own, hours, observed, corrected, unlike(self.reference, signs))


@dataclass(frozen=True)
class _Day:
    """A day, corrected; hours and days count from 1970 in UTC."""

    day: int
    events: list[Event]
    hours: list[int]
    observed_s: list[float]
    corrected: CorrectedDay
    unlike: list[Unlike]


def _sum_rows(table: Iterable[rows.Row], events: Sequence[Event]) -> _Summed:
    """Go through the rows once."""
    summed, pace = _Summed(), Pace(None)
    left = iter(events)
    event = next(left, None)
    last: rows.Row | None = None
    for row in table:
        while event is not None and event.end_ns < row.time_ns:
            event = next(left, None)
        if last is not None:
            _observe(summed, last, row.time_ns - last.time_ns, pace)
        inside = event is not None and event.start_ns <= row.time_ns
        _take(summed, row, event if inside else None)
        last = row
    if last is not None:
        _observe(summed, last, pace.interval_ns, pace)
    return summed


def _observe(summed: _Summed, row: rows.Row, step: int, pace: Pace) -> None:
    """Count the time that a row lasts: until the next one, before a pause one step."""
    lasts = pace.interval_ns if pace.is_pause(step) else step
    pace.add(step)
    summed.hours[row.time_ns // HOUR].observed_s += lasts / SECOND
    summed.steps_ns[row.time_ns // DAY] = max(pace.interval_ns, 1)


def _take(summed: _Summed, row: rows.Row, event: Event | None) -> None:
    hour = summed.hours.setdefault(row.time_ns // HOUR, _Hour())
    if event is None:
        hour.calm += 1
        hour.calm_share += row.share
        return
    hour.busy += 1
    if row.confidence is not None:
        start = event.start_ns
        before = summed.weights.get(start, 0.0), summed.confidence.get(start, 0.0)
        summed.weights[start] = before[0] + row.share
        summed.confidence[start] = before[1] + row.share * row.confidence


def _seen(event: Event, summed: _Summed) -> Seen:
    sure = summed.confidence[event.start_ns] / summed.weights[event.start_ns]
    return Seen(event.duration_s, event.area_share_s, event.peak_share, sure)


def _signs(hours: Sequence[_Hour], seen: Sequence[Seen]) -> Signs:
    calm, busy = (sum(getattr(h, name) for h in hours) for name in ("calm", "busy"))
    shares = sum(each.calm_share for each in hours)
    sure = [each.confidence for each in seen]
    return Signs(
        _ratio(sum(sure), len(sure)),
        _ratio(shares, calm),
        _ratio(busy, calm + busy),
    )


def _ratio(whole: float, count: int) -> float:
    return whole / count if count else math.nan


def _days(summed: _Summed) -> list[int]:
    return sorted({hour // 24 for hour in summed.hours})


def _check_pace(interval_s: float, reference: EventReference) -> None:
    ratio = interval_s / reference.interval_s
    if not 1 / OTHER_PACE <= ratio <= OTHER_PACE:
        raise ValueError(
            f"--errors are of frames {reference.interval_s:g} s apart, and these are "
            f"{interval_s:g} s apart: errors of durations are of frames, so watch with "
            f"--every {reference.interval_s:g}, or write the errors of such frames"
        )


def _event_table(days: Sequence[_Day]) -> Iterator[list[str]]:
    yield ["start", "end", "real", *_heads(SUMS[1:])]
    for day in days:
        for event, found in zip(day.events, day.corrected.events, strict=True):
            ends = format_utc(event.start_ns), format_utc(event.end_ns)
            cells = _cells((found.duration_s, found.area_share_s))
            yield [*ends, f"{found.real:.4f}", *cells]


def _hour_table(days: Sequence[_Day]) -> Iterator[list[str]]:
    yield ["start", "observed_s", "found", *_heads(SUMS)]
    for day in days:
        parts = (day.hours, day.observed_s, day.corrected.spans)
        for hour, seconds, totals in zip(*parts, strict=True):
            yield _sums(hour * HOUR, seconds, totals)


def _day_table(days: Sequence[_Day]) -> Iterator[list[str]]:
    yield ["start", "observed_s", "found", *_heads(SUMS), "unlike"]
    for day in days:
        signs = " ".join(each.name for each in day.unlike)
        yield [*_sums(day.day * DAY, sum(day.observed_s), day.corrected.day), signs]


def _sums(start_ns: int, observed_s: float, totals: Totals) -> list[str]:
    cells = _cells((totals.events, totals.duration_s, totals.area_share_s))
    return [format_utc(start_ns), f"{observed_s:.3f}", str(totals.found), *cells]


def _heads(names: Sequence[str]) -> list[str]:
    return [f"{name}{end}" for name in names for end in ("", "_low", "_high")]


def _cells(estimates: Iterable[Estimate]) -> list[str]:
    return ["" if math.isnan(v) else f"{v:.6g}" for each in estimates for v in each]


def _write(path: Path, table: Iterable[Sequence[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(table)
    write_whole(path, text.getvalue())


def _told(days: Sequence[_Day]) -> Iterator[str]:
    shown = days if len(days) == 1 else days[-1:]
    for day in shown:
        totals = day.corrected.day
        date = format_utc(day.day * DAY)[:10]
        yield (
            f"{date}: {_words(totals.events, 0)} events, "
            f"{_words(totals.duration_s, 0)} s in total"
        )
    strange = [day for day in days if day.unlike]
    if strange:
        first = strange[0].unlike[0]
        yield (
            f"Warning: {len(strange)} of {len(days)} days are unlike the frames of "
            f"--errors, the first {format_utc(strange[0].day * DAY)[:10]}: "
            f"{first.name} {first.value:.4g}, there {first.low:.4g} to "
            f"{first.high:.4g}. Their intervals need not hold: label some frames of "
            f"this camera"
        )


def _shown(day: _Day) -> list[str]:
    totals = day.corrected.day
    minutes = Estimate(*(each / 60 for each in totals.duration_s))
    area = Estimate(*(100 * each for each in totals.area_share_s))
    return [
        format_utc(day.day * DAY)[:10],
        _words(totals.events, 1),
        _words(minutes, 1),
        _words(area, 1),
        ", ".join(each.name for each in day.unlike),
    ]


def _words(estimate: Estimate, digits: int) -> str:
    value, low, high = (f"{each:.{digits}f}" for each in estimate)
    return f"{value} ({low} to {high})"

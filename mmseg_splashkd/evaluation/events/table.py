"""Table of events: one CSV, whether they were found, drawn or listed by people."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from mmseg_splashkd.datasets.timestamps import (
    FORMATS,
    NO_TIME,
    SECOND,
    TimestampFormat,
    to_utc,
)
from mmseg_splashkd.evaluation.events.event import Event
from mmseg_splashkd.files import why_no_file, write_whole
from mmseg_splashkd.foreign import one_line, read_rows, reading
from mmseg_splashkd.foreign.csv_file import SURPLUS

REQUIRED = ("recording", "start", "end")
COLUMNS = (
    *REQUIRED,
    "duration_s",
    "peak_share",
    "peak",
    "area_share_s",
    "intensity",
    "frames",
    "begins_open",
    "ends_open",
)
DRAWN = "mean_share"  # column of a drawn video's events.csv, in place of the area
TIMES = [
    TimestampFormat(each) for each in ("iso8601", "seconds-nanoseconds", "seconds")
]
WORDS = {"true": True, "false": False, "": False}
NAN = float("nan")


class RecordedEvent(NamedTuple):
    """An event and the name of its recording."""

    recording: str
    event: Event


def write_events(path: str | Path, events: Iterable[RecordedEvent]) -> Path:
    """Write a table of events atomically; ``read_events`` reads the same events.

    Args:
        path: The CSV file; its folder is created. Its columns are ``COLUMNS``: times in
            ISO 8601, UTC, to the nanosecond; values that are unknown are empty.
        events: Rows of the table, in their order.

    Returns:
        The path.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(cells_of, events))
    # Names that are not Unicode, which a file system may hold, are escaped.
    return write_whole(path, text.getvalue().encode(errors="backslashreplace").decode())


def cells_of(row: RecordedEvent) -> list[str]:
    """The cells of a row, in the order of ``COLUMNS``."""
    event = row.event
    return [
        row.recording,
        format_utc(event.start_ns),
        format_utc(event.end_ns),
        _number(event.duration_s),
        _number(event.peak_share),
        format_utc(event.peak_ns),
        _number(event.area_share_s),
        _number(event.intensity),
        str(event.frames) if event.frames else "",
        str(event.begins_open).lower(),
        str(event.ends_open).lower(),
    ]


def read_events(path: str | Path) -> list[RecordedEvent]:
    """Read a table of events.

    Args:
        path: CSV with the columns recording, start and end, and any of the further
            ``COLUMNS``; others are ignored. Times are in ISO 8601 (UTC without a zone),
            UNIX seconds, or ``<10-digit seconds>-<9-digit nanoseconds>``. The
            ``events.csv`` of a drawn video is such a table. Instead of an area it has a
            mean share, which is multiplied by the duration; its frames are taken as
            evenly spaced, and an event of one frame has no area.

    Returns:
        The events in the order of the rows.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A column is missing, a cell is invalid, or an event is listed twice.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"table of events {path} {why_no_file(path)}")
    with reading(path, "table of events"):
        header, rows = read_rows(path)
        if missing := [name for name in REQUIRED if name not in header]:
            raise ValueError(
                f"{path} lacks the columns {missing}, it has {header}: give a table of "
                f"tools/watch.py, or the events.csv of a drawn video"
            )
        found, lines = [], {}
        for line, row in enumerate(rows, 2):
            source = f"{path}, line {line}"
            each = _event_of(row, source)
            key = each.recording, each.event.start_ns, each.event.end_ns
            if (first := lines.setdefault(key, line)) != line:
                raise ValueError(f"{source}, repeats line {first}: remove one of them")
            found.append(each)
        return found


def format_utc(time_ns: int) -> str:
    """UNIX nanoseconds as ISO 8601, such as ``2024-05-01T00:00:00.250000000Z``.

    ``NO_TIME`` is formatted as an empty string.
    """
    if time_ns == NO_TIME:
        return ""
    return f"{to_utc(time_ns):%Y-%m-%dT%H:%M:%S}.{time_ns % SECOND:09d}Z"


def parse_utc(cell: str, source: str) -> int:
    """UNIX nanoseconds of a cell; the forms are those of ``read_events``.

    Args:
        cell: The text.
        source: File, line and column for the error.

    Raises:
        ValueError: It is no such time.
    """
    for each in TIMES:
        if FORMATS[each.name].pattern.fullmatch(cell):
            return each.parse(cell, source).timestamp
    raise ValueError(
        f"{source}: {one_line(cell)!r} is no time: write it as "
        f"2024-05-01T08:00:00.25Z, or in UNIX seconds"
    )


def _event_of(row: Mapping[str, str], source: str) -> RecordedEvent:
    if SURPLUS in row:
        raise ValueError(f"{source} has more cells than the header: {row[SURPLUS]}")
    start = parse_utc(row["start"], f"{source}, start")
    end = parse_utc(row["end"], f"{source}, end")
    if end < start:
        raise ValueError(f"{source}: end {row['end']} is before start {row['start']}")
    frames = int(_value(row, "frames", source, whole=True) or 0)
    duration = _value(row, "duration_s", source)
    intensity = _value(row, "intensity", source, most=1)
    area = _value(row, "area_share_s", source)
    if DRAWN in row:
        intensity = _value(row, DRAWN, source, most=1)
        if frames > 1:
            duration = (end - start) / SECOND * (frames / (frames - 1))
            area = intensity * duration
    peak = row.get("peak", "")
    event = Event(
        start_ns=start,
        end_ns=end,
        duration_s=duration,
        peak_share=_value(row, "peak_share", source, most=1),
        peak_ns=parse_utc(peak, f"{source}, peak") if peak else NO_TIME,
        area_share_s=area,
        intensity=intensity,
        frames=frames,
        begins_open=_flag(row, "begins_open", source),
        ends_open=_flag(row, "ends_open", source),
    )
    return RecordedEvent(row["recording"], event)


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def _value(
    row: Mapping[str, str],
    column: str,
    source: str,
    most: float = math.inf,
    whole: bool = False,
) -> float:
    """The number of a cell; NaN, or 0 of whole ones, if it is empty or absent."""
    cell = row.get(column, "")
    if not cell:
        return 0 if whole else NAN
    try:
        value = float(cell)
    except ValueError:
        value = NAN
    if not 0 <= value <= most or value == math.inf or (whole and value % 1):
        kind = "a whole number" if whole else "a number"
        raise ValueError(
            f"{source}: {column} {one_line(cell)!r} is not {kind} "
            f"{'from 0' if most == math.inf else 'in [0, 1]'}"
        )
    return value


def _flag(row: Mapping[str, str], column: str, source: str) -> bool:
    cell = row.get(column, "")
    if cell.lower() not in WORDS:  # spreadsheets write TRUE
        raise ValueError(f"{source}: {column} {one_line(cell)!r} is not true or false")
    return WORDS[cell.lower()]

"""Tables of blobs with their tracks, and of tracks."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mmseg_splashkd.evaluation.components import Area
from mmseg_splashkd.evaluation.events.table import format_utc
from mmseg_splashkd.evaluation.following.kinship import size
from mmseg_splashkd.evaluation.following.track import Track
from mmseg_splashkd.files import why_no_file
from mmseg_splashkd.foreign import one_line, read_rows, reading
from mmseg_splashkd.foreign.csv_file import SURPLUS

DIGITS = 2  # of a centroid
DECIMALS = 6  # of durations, lengths and areas over time
COLUMNS = ("time", "time_ns", "track", "x0", "y0", "x1", "y1", "area", "x", "y")
SPLASH_COLUMNS = (
    "track",
    "start",
    "end",
    "duration_s",
    "frames",
    "peak_area",
    "area_px_s",
    "path_px",
    "begins_open",
    "ends_open",
    "merged_into",
    "split_from",
)
WHOLE, REAL = re.compile(r"[0-9]{1,19}"), re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
REQUIRED = ("time_ns", "track", "x0", "y0", "x1", "y1")


class TrackedBlob(NamedTuple):
    """A blob of a frame.

    Attributes:
        time_ns: Time of the frame in nanoseconds.
        track: Id of its track; None: it is not followed.
        blob: The blob; its centroid has two decimals.
    """

    time_ns: int
    track: int | None
    blob: Area


def rounded(blob: Area) -> Area:
    """A blob as it is in the table, and is read back."""
    x, y = (round(value, DIGITS) for value in blob.centroid)
    return Area(blob.box, blob.area, (x, y))


def blob_line(time_ns: int, track: int | None, blob: Area) -> str:
    """The line of a blob in ``tracks.csv``, whose columns are ``COLUMNS``."""
    values = (
        format_utc(time_ns),
        time_ns,
        "" if track is None else track,
        *blob.box,
        blob.area,
        *blob.centroid,
    )
    return ",".join(map(str, values)) + "\n"


def track_line(track: Track) -> str:
    """The line of a track in ``splashes.csv``: ``SPLASH_COLUMNS``."""
    times = format_utc(track.start_ns), format_utc(track.end_ns)
    values = (track.track, *times, *track[3:])
    return ",".join(map(_cell, values)) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(round(value, DECIMALS))
    return "" if value is None else str(value)


def read_blobs(path: str | Path) -> list[TrackedBlob]:
    """Read a table of blobs with their tracks.

    Args:
        path: CSV with the columns ``REQUIRED``, and with area, x and y or without;
            others are ignored. ``tracks.csv`` of ``tools/watch.py`` and ``bursts.csv``
            of a drawn video are such tables.

    Returns:
        The blobs in the order of the rows. Without area and centroid they are those of
        the box.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A column is missing, a cell is invalid, or there are several
            recordings.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"table of tracks {path} {why_no_file(path)}")
    with reading(path, "table of tracks"):
        header, rows = read_rows(path)
        if missing := [name for name in REQUIRED if name not in header]:
            raise ValueError(
                f"{path} has no column {', '.join(missing)}: give the tracks.csv of "
                f"tools/watch.py --follow, or the bursts.csv of a drawn video"
            )
        found, recordings = [], set()
        for line, row in enumerate(rows, 2):
            found.append(_blob_of(row, f"{path}, line {line}"))
            recordings.add(row.get("recording"))
        if len(recordings) > 1:
            names = ", ".join(sorted(map(str, recordings)))
            raise ValueError(f"{path} has several recordings ({names}): give one each")
        return found


def _blob_of(row: Mapping[str, str], source: str) -> TrackedBlob:
    if SURPLUS in row:
        raise ValueError(f"{source} has more cells than the header: {row[SURPLUS]}")
    left, top, right, bottom = (
        _whole(row, name, source) for name in ("x0", "y0", "x1", "y1")
    )
    if right <= left or bottom <= top:
        raise ValueError(
            f"{source}: the box {left}, {top}, {right}, {bottom} is empty: x1 and y1 "
            f"are exclusive"
        )
    track = _whole(row, "track", source) if row["track"] else None
    box = (left, top, right, bottom)
    area = _whole(row, "area", source) if row.get("area") else size(box)
    x, y = (left + right - 1) / 2, (top + bottom - 1) / 2
    blob = Area(box, area, (_real(row, "x", source, x), _real(row, "y", source, y)))
    return TrackedBlob(_whole(row, "time_ns", source), track, blob)


def _whole(row: Mapping[str, str], column: str, source: str) -> int:
    cell = row[column]
    if not WHOLE.fullmatch(cell):
        raise ValueError(f"{source}: {column} {one_line(cell)!r} is no whole number")
    return int(cell)


def _real(row: Mapping[str, str], column: str, source: str, default: float) -> float:
    cell = row.get(column)
    if not cell:
        return default
    if not REAL.fullmatch(cell):
        raise ValueError(f"{source}: {column} {one_line(cell)!r} is no number from 0")
    return float(cell)

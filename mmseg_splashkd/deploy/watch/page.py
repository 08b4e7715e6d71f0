"""The page of what was watched, as one file without external references."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup
from PIL import Image

from mmseg_splashkd.datasets.timestamps import to_utc
from mmseg_splashkd.deploy.predict.asked import FILE as ASKED
from mmseg_splashkd.deploy.watch import peaks
from mmseg_splashkd.deploy.watch.counts import Counts
from mmseg_splashkd.deploy.watch.error_bars import SHOWN
from mmseg_splashkd.deploy.watch.sums import Hours, Sum, days_of
from mmseg_splashkd.evaluation.events import Event, EventSettings
from mmseg_splashkd.foreign import read_json
from mmseg_splashkd.report.formatting import duration, number
from mmseg_splashkd.report.html import write_page
from mmseg_splashkd.report.pictures import Jpeg, Tile, TileRow, tile_of_jpeg

FILE = "index.html"
LISTED = 500  # events in the table, the largest
HOURS = 240  # hours in the table, those of the largest area
SUMS = ["Frames", "Events", "Minutes of splash", "Area (% of a frame x s)"]


class Column(NamedTuple):
    """A column of the table of events.

    Attributes:
        head: Its head.
        cell: Returns the text of an event.
    """

    head: str
    cell: Callable[[Event], str]


def _time(time_ns: int) -> str:
    return f"{to_utc(time_ns):%Y-%m-%d %H:%M:%S}.{time_ns // 10**6 % 1000:03d}"


def _percent(share: float) -> str:
    return number(100 * share)


# The first one is the head of its row.
COLUMNS = (
    Column("Begins (UTC)", lambda event: _time(event.start_ns)),
    Column("Last frame", lambda event: _last(event)),
    Column("Duration (s)", lambda event: number(event.duration_s)),
    Column("Peak (% of a frame)", lambda event: _percent(event.peak_share)),
    Column("Area (% x s)", lambda event: _percent(event.area_share_s)),
    Column("Intensity (%)", lambda event: _percent(event.intensity)),
    Column("Frames", lambda event: f"{event.frames:,}"),
    Column("Cut off at", lambda event: _ends(event)),
)


def _last(event: Event) -> str:
    """Time of the last frame, with the day only where it is another one."""
    first, last = _time(event.start_ns), _time(event.end_ns)
    day, _, time = last.partition(" ")
    return time if first.startswith(day) else last


def _ends(event: Event) -> str:
    """Which ends lie outside of what was watched."""
    ends = {"begin": event.begins_open, "end": event.ends_open}
    return ", ".join(name for name, is_open in ends.items() if is_open)


@dataclass(frozen=True)
class Watched:
    """What a page is about.

    Args:
        recording: Name of the recording.
        class_name: Name of the class that is watched.
        decision: What decides that a pixel is of it, as a sentence.
        counts: What became of the frames.
        hours: Number of rows in each hour.
        events: The events.
        settings: When a series of shares is an event.
        intervals: Rows of the days with intervals, as of ``ErrorBars.shown``.
    """

    recording: str
    class_name: str
    decision: str
    counts: Counts
    hours: Hours
    events: Sequence[Event]
    settings: EventSettings
    intervals: Sequence[Sequence[str]] = ()


def write_watched_page(
    folder: Path, watched: Watched, picture: Path | None = None
) -> Path:
    """Write the page of a folder atomically, with its timeline and pictures inlined.

    It holds nothing of the call itself: several calls write what one would.

    Args:
        folder: Folder of the table of rows.
        watched: What the page is about.
        picture: SVG of the timeline, drawn by ``draw_timeline``; None without rows.

    Returns:
        The page.

    Raises:
        UnwritableError: Drive, quota or rights do not allow it.
    """
    hours, counts = watched.hours.sums(watched.events), watched.counts
    days = days_of(hours)
    listed = peaks.largest(watched.events, LISTED)
    eventful = [hour for hour, each in hours.items() if each.events]
    shown = sorted(eventful, key=lambda hour: -hours[hour].area)[:HOURS]
    tiles = list(_tiles(folder, watched))
    total = Sum()
    for each in days.values():
        total.add(each)
    return write_page(
        "watched/page.html.j2",
        folder / FILE,
        watched=watched,
        span=None if counts.first is None else (_time(counts.first), _end(counts)),
        cards=_cards(total),
        timeline=None if picture is None else _inlined(picture),
        heads=[column.head for column in COLUMNS],
        events=[
            [column.cell(event) for column in COLUMNS] for event in _sorted(listed)
        ],
        unlisted=len(watched.events) - len(listed),
        pictures=TileRow("", "", [tile for tile in tiles if tile], 3),
        unpictured=tiles.count(None),
        days=[[f"{day:%Y-%m-%d}", *_cells(each)] for day, each in days.items()],
        hours=[[f"{h:%Y-%m-%d %H:00}", *_cells(hours[h])] for h in sorted(shown)],
        unshown=len(eventful) - len(shown),
        sums=SUMS,
        interval_heads=SHOWN,
        dropped=sorted(counts.dropped.items()),
        settings=list(_settings(folder, watched)),
    )


def _sorted(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.start_ns)


def _end(counts: Counts) -> str:
    assert counts.last is not None
    return _time(counts.last)


def _cards(total: Sum) -> list[tuple[str, str]]:
    """Figures at the head of the page, and what they are."""
    kind = "event" if total.events == 1 else "events"
    return [
        (f"{total.frames:,}", "frames watched"),
        (f"{total.events:,}", kind),
        (duration(60 * total.minutes), "in events"),
        (_percent(total.area), "% of a frame x s"),
    ]


def _cells(each: Sum) -> list[str]:
    return [
        f"{each.frames:,}",
        f"{each.events:,}",
        number(each.minutes),
        _percent(each.area),
    ]


def _inlined(picture: Path) -> Markup:
    """The element of an SVG file of this package, which escapes what it writes."""
    return Markup(picture.read_text(encoding="utf-8"))


def _tiles(folder: Path, watched: Watched) -> Iterable[Tile | None]:
    """Pictures of the largest events, the largest first; None of one without."""
    for rank, event in enumerate(peaks.largest(watched.events), 1):
        jpeg = _jpeg(peaks.peak_file(folder / peaks.FOLDER, event.peak_ns))
        if jpeg is None:
            yield None
            continue
        title = f"{rank}: {_time(event.peak_ns)}"
        share, seconds = _percent(event.peak_share), number(event.duration_s, 1)
        detail = f"{share} % of the frame; an event of {seconds} s"
        yield tile_of_jpeg(jpeg, title, detail, f"Frame with {watched.class_name}")


def _jpeg(path: Path) -> Jpeg | None:
    with suppress(OSError):
        content = path.read_bytes()
        with Image.open(BytesIO(content), formats=["JPEG"]) as image:
            return Jpeg(content, image.size)
    return None


def _settings(folder: Path, watched: Watched) -> Iterable[tuple[str, str]]:
    """Name and value of what was asked, and of the events."""
    file = folder / ASKED
    asked = read_json(file, "what was asked") if file.is_file() else {}
    if isinstance(asked, Mapping):
        yield from ((str(name), str(value)) for name, value in asked.items())
    yield "events", json.dumps(watched.settings.as_json())

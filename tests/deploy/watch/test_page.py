"""The page of what was watched, and the pictures of its largest events."""

import io
import json
import os
import re
import signal
from dataclasses import replace
from datetime import date, datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy.watch import page as module
from mmseg_splashkd.deploy.watch import read_rows
from mmseg_splashkd.deploy.watch.counts import Counts
from mmseg_splashkd.deploy.watch.event_log import EventLog
from mmseg_splashkd.deploy.watch.page import Watched, write_watched_page
from mmseg_splashkd.deploy.watch.peaks import KEPT
from mmseg_splashkd.deploy.watch.rows import Row
from mmseg_splashkd.deploy.watch.sums import Hours, Sum, days_of
from mmseg_splashkd.evaluation.events import Event, EventSettings, find_events
from tests.deploy.watch.helpers import START, contents, draw_folder, picture
from tests.deploy.watch.test_command import told
from tests.report.html import Page
from tests.test_unwritable import limited

EVENTS = EventSettings(on=0.002, off=0.001, min_seconds=0, gap_seconds=0)
ALL = ("--min-seconds", 0, "--gap-seconds", 0)


def peaks(out: Path) -> list[int]:
    """Times of the pictures."""
    return sorted(int(path.stem) for path in (out / "peaks").iterdir())


def event(start: int, seconds: float = 1.0, area: float = 0.1) -> Event:
    time = start * SECOND
    return Event(time, time, seconds, 0.2, time, area, 0.1, 3, False, True)


def watched(**values) -> Watched:
    counts = Counts(read=5, taken=3, left_out=1)
    counts.first, counts.last = START * SECOND, (START + 7200) * SECOND
    hours = Hours()
    for second in (0, 1, 3600, 7200):
        hours.on_row(Row((START + second) * SECOND, 0.1, 1, 1, None))
    given = Watched("pond", "splash", "A pixel", counts, hours, [], EVENTS)
    return replace(given, **values)


# The page of a call


def test_the_page_holds_what_the_files_hold(model, tmp_path):
    frames = draw_folder(tmp_path / "pond", range(20))
    (frames / "thumbnail.png").write_bytes(b"none")
    out = tmp_path / "out"
    shown = told(model, frames, "--out", out, *ALL, status=1)
    assert f"Page: {out / 'index.html'}" in shown
    page = Page(out / "index.html")
    page.check_self_contained()
    page.check_accessible()
    assert page.texts_of("h1") == ["pond: splash"]
    rows = page.table("Events in the order of time")
    first = ["2024-05-01 08:00:03.000", "08:00:05.000", "3.00", "9.38", "17.71"]
    assert rows[0] == [*first, "5.90", "3", ""]  # 272 of 1,536 pixels and seconds
    assert [row[0][-6:] for row in rows] == ["03.000", "13.000"]
    day = ["20", "2", "0.10", "35.42"]
    assert page.table("Days") == [["2024-05-01", *day]]
    assert page.table("Hours") == [["2024-05-01 08:00", *day]]
    assert "1 without time" in page.texts_of("li")
    assert "21 read, 20 with a row, 0 left out by choice, 1 dropped" in page.text
    asked = json.loads((out / "asked.json").read_text())
    assert page.texts_of("dt") == [*asked, "events"]
    assert set(asked.values()) <= set(page.texts_of("code"))
    svg = (out / "timeline.svg").read_text().strip()
    assert svg in page.html
    assert len(page.all("img")) == 2


def test_pictures_are_the_frames_at_the_peaks(model, tmp_path):
    frames = draw_folder(tmp_path / "pond", range(20))
    told(model, frames, "--out", tmp_path / "out", *ALL)
    assert peaks(tmp_path / "out") == [(START + n) * SECOND for n in (4, 14)]
    with Image.open(tmp_path / "out" / "peaks" / f"{START + 4}000000000.jpg") as image:
        shown = np.asarray(image).astype(int)
    red = shown[9:19, 9:19].mean((0, 1))  # the square of 12 pixels, of frame 4 only
    rest = shown[24:].mean((0, 1))
    assert shown.shape == (32, 48, 3)
    assert red[0] > 100 + rest[0]


def test_names_are_escaped(model, tmp_path):
    name = "<img src=x onerror=alert(1)>&\"'"
    frames = draw_folder(tmp_path / name, range(5))
    told(model, frames, "--out", tmp_path / "out")
    page = Page(tmp_path / "out" / "index.html")
    page.check_self_contained()
    page.check_accessible()
    assert page.texts_of("h1") == [f"{name}: splash"]
    assert "<img src=x" not in page.html


def test_a_source_without_rows_has_a_page(model, tmp_path):
    frames = draw_folder(tmp_path / "pond", [0])
    next(frames.iterdir()).write_bytes(b"none")
    told(model, frames, "--out", tmp_path / "out", status=2)
    page = Page(tmp_path / "out" / "index.html")
    page.check_accessible()
    assert "No frame has a row. " in page.text
    assert "1 damaged" in page.texts_of("li")
    assert page.tables == {}


# Pictures of the largest events


def drawn(log: EventLog, rows: list[Row]) -> None:
    """Take rows as a call that predicts them does."""
    for row in rows:
        log.before_row(row, lambda row=row: picture(row.time_ns // SECOND % 10))
        log.on_row(row)


def rows_of(shares: np.ndarray) -> list[Row]:
    return [Row(n * SECOND, float(s), 1, 1, None) for n, s in enumerate(shares)]


def random_rows(count: int = 600) -> list[Row]:
    """Many events, some with several frames of the largest share."""
    random = np.random.default_rng(11)
    calm = np.repeat(random.random(count // 4) < 0.6, 4)[:count]
    return rows_of(np.where(calm, 0, random.integers(1, 6, count) / 500))


@pytest.mark.parametrize(
    "settings",
    [EVENTS, EventSettings(), EventSettings(0.006, 0.002, 3, 4)],
    ids=["plain", "default", "joined"],
)
def test_the_largest_events_have_the_pictures_of_their_peaks(tmp_path, settings):
    """Beside an oracle: the events of all rows."""
    rows = random_rows()
    log = EventLog(tmp_path, "pond", settings)
    drawn(log, rows)
    found = find_events([r.time_ns for r in rows], [r.share for r in rows], settings)
    assert len(found) > KEPT
    areas = sorted((-e.area_share_s, e.start_ns, e.peak_ns) for e in found)
    expected = {peak for *_, peak in areas[:KEPT]}
    log.end()
    assert expected <= set(peaks(tmp_path))
    assert len(peaks(tmp_path)) <= KEPT + 1


def test_the_number_of_pictures_is_bounded_at_all_times(tmp_path):
    log, most = EventLog(tmp_path, "pond", EVENTS), 0
    for row in random_rows():
        drawn(log, [row])
        folder = tmp_path / "peaks"
        most = max(most, len(list(folder.iterdir())) if folder.exists() else 0)
    assert most == KEPT + 1


@pytest.mark.parametrize("place", [4, 150, 151, 152, 153, 154, 599])
def test_pictures_of_several_calls_are_those_of_one(tmp_path, place):
    rows, folders = random_rows(), [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    one = EventLog(folders[0], "pond", EVENTS)
    drawn(one, rows)
    one.end()
    first = EventLog(folders[1], "pond", EVENTS)
    drawn(first, rows[:place])
    first.end()
    second = EventLog(folders[1], "pond", EVENTS)
    for row in rows[:place]:
        second.on_row(row)
    drawn(second, rows[place:])
    second.end()
    assert contents(folders[1] / "peaks") == contents(folders[0] / "peaks")


def test_other_settings_keep_the_pictures_and_say_what_has_none(model, tmp_path):
    frames = draw_folder(tmp_path / "pond", range(20))
    out = tmp_path / "out"
    told(model, frames, "--out", out, *ALL)
    before = contents(out)
    told(model, frames, "--out", out, "--on", 0.5)
    assert "Largest events" not in Page(out / "index.html").text
    assert peaks(out) == [(START + n) * SECOND for n in (4, 14)]
    told(model, frames, "--out", out, *ALL)
    assert contents(out) == before
    (out / "peaks" / f"{START + 4}000000000.jpg").write_bytes(b"torn")
    told(model, frames, "--out", out, *ALL)
    page = Page(out / "index.html")
    assert "1 of the largest events has no picture" in page.text
    assert len(page.all("img")) == 1


def test_a_full_drive_at_a_picture_costs_no_picture(model, tmp_path, monkeypatch):
    """The picture is written before its row, which is then predicted again."""
    frames = draw_folder(tmp_path / "pond", range(8))
    words = (model, frames, "--out", tmp_path / "out", *ALL)
    large = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    monkeypatch.setattr(
        "mmseg_splashkd.deploy.predict.prediction.Prediction.draw", lambda _: large
    )
    with limited(20_000):
        shown = told(*words, status=2)
    assert re.search(r"peaks/\d+\.jpg cannot be written: the file is larger", shown)
    assert len(list(read_rows(tmp_path / "out" / "rows.csv"))) == 3
    told(*words)
    assert peaks(tmp_path / "out") == [(START + 4) * SECOND]
    assert "has no picture" not in Page(tmp_path / "out" / "index.html").text


@pytest.mark.usefixtures("default_signals")
def test_a_page_is_written_at_a_signal(model, tmp_path, monkeypatch):
    frames = draw_folder(tmp_path / "pond", range(9))
    take, out = EventLog.before_row, tmp_path / "out"

    def interrupted(self: EventLog, row: Row, draw) -> None:
        take(self, row, draw)
        if row.time_ns == (START + 5) * SECOND:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(EventLog, "before_row", interrupted)
    told(model, frames, "--out", out, status=128 + signal.SIGTERM)
    assert Page(out / "index.html").table("Days")[0][1] == "6"


# Tables


def test_sums_of_hours_and_days():
    at_nine = START + 3600
    events = [
        event(START, 90, 0.5),
        event(START + 10, 30, 0.25),
        event(at_nine, 1, 0.125),
    ]
    hours = watched().hours.sums(events)
    assert hours == {
        datetime(2024, 5, 1, 8, tzinfo=timezone.utc): Sum(2, 2, 2.0, 0.75),
        datetime(2024, 5, 1, 9, tzinfo=timezone.utc): Sum(1, 1, 1 / 60, 0.125),
        datetime(2024, 5, 1, 10, tzinfo=timezone.utc): Sum(1, 0, 0.0, 0.0),
    }
    assert days_of(hours) == {date(2024, 5, 1): Sum(4, 3, 2 + 1 / 60, 0.875)}


def test_long_tables_hold_the_largest_and_say_how_many_are_left(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LISTED", 2)
    monkeypatch.setattr(module, "HOURS", 1)
    events = [event(START), event(START + 1, area=0.9), event(START + 3600, area=0.5)]
    path = write_watched_page(tmp_path, watched(events=events))
    page = Page(path)
    page.check_accessible()
    times = [row[0] for row in page.table("Events")]
    assert times == ["2024-05-01 08:00:01.000", "2024-05-01 09:00:00.000"]
    assert "The 2 largest; 1 more are in events.csv." in page.text
    assert [row[0] for row in page.table("Hours")] == ["2024-05-01 08:00"]
    assert "The 1 hours of the largest area; 1 more have events." in page.text
    assert page.table("Events")[0][-1] == "end"


def test_an_event_over_midnight_has_both_days(tmp_path):
    midnight = START + 16 * 3600
    hours = Hours()
    hours.on_row(Row((midnight - 1) * SECOND, 0.1, 1, 1, None))
    long = event(midnight - 1)._replace(end_ns=midnight * SECOND)
    page = Page(write_watched_page(tmp_path, watched(hours=hours, events=[long])))
    assert page.table("Events")[0][:2] == [
        "2024-05-01 23:59:59.000",
        "2024-05-02 00:00:00.000",
    ]


def test_a_page_that_cannot_be_written_is_named(model, tmp_path):
    frames = draw_folder(tmp_path / "pond", range(3))
    told(model, frames, "--out", tmp_path / "out")
    before = contents(tmp_path / "out")
    page = tmp_path / "out" / "index.html"
    with limited(len(before["index.html"]) - 1):
        shown = told(model, frames, "--out", tmp_path / "out", status=2)
    assert f"{page} cannot be written: the file is larger" in shown
    assert contents(tmp_path / "out") == before


def test_tiles_are_small(tmp_path):
    """A picture is at most 440 pixels wide, whatever the frame is."""
    log = EventLog(tmp_path, "pond", EVENTS)
    row = Row(START * SECOND, 0.1, 1, 1, None)
    log.before_row(row, lambda: np.zeros((1080, 1920, 3), np.uint8))
    with Image.open(io.BytesIO(next((tmp_path / "peaks").iterdir()).read_bytes())) as i:
        assert i.size == (440, 248)


def test_only_rising_frames_are_drawn(tmp_path):
    """A frame of an event that is no new peak costs no picture."""
    log, drawn_at = EventLog(tmp_path, "pond", EVENTS), []
    for row in rows_of(np.array([0, 0.2, 0.3, 0.25, 0.3, 0.4, 0, 0, 0.1, 0.1])):
        log.before_row(
            row, lambda row=row: drawn_at.append(row.time_ns // SECOND) or picture(3)
        )
        log.on_row(row)
    assert drawn_at == [1, 2, 5, 8]
    assert [time // SECOND for time in peaks(tmp_path)] == [5, 8]

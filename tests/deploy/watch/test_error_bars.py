"""Corrected events, hours and days beside the rows."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy.watch.command import Asked, watch_and_tell
from mmseg_splashkd.deploy.watch.error_bars import ErrorBars
from mmseg_splashkd.deploy.watch.rows import HEADER, Row
from mmseg_splashkd.evaluation.events import EventSettings, find_events
from mmseg_splashkd.statistics.event_errors import EventReference, Signs
from tests.deploy.watch.helpers import START, draw_folder
from tests.report.html import Page
from tests.statistics.event_errors.worlds import INTERVAL, World, reference

STEP = round(INTERVAL * SECOND)
HALF_PAST_NINE = (START + 5400) * SECOND


@pytest.fixture
def known() -> EventReference:
    return reference(World(), np.random.default_rng(0))


def table(folder: Path, shares: list[float], start_ns: int, step: int = STEP) -> list:
    """Write rows; return their events."""
    rows = [
        Row(
            start_ns + number * step,
            share,
            round(1e4 * share),
            1,
            0.9 if share else None,
        )
        for number, share in enumerate(shares)
    ]
    (folder / "rows.csv").write_text(HEADER + "".join(row.line() for row in rows))
    times = [row.time_ns for row in rows]
    return find_events(times, shares, EventSettings(on=0.01, off=0.005))


def read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def splashes(count: int, every: int = 20) -> list[float]:
    """A splash of five frames in every ``every`` ones."""
    return [0.02 if n % every in range(5, 10) else 1e-4 for n in range(count)]


def test_events_hours_and_days(known, tmp_path):
    events = table(tmp_path, splashes(120), HALF_PAST_NINE)
    told = ErrorBars(known).write(tmp_path, events)
    corrected = read(tmp_path, "corrected.csv")
    assert corrected[0]["start"] == "2024-05-01T09:32:30.000000000Z"
    assert len(corrected) == len(events) == 6
    for row in corrected:
        assert float(row["real"]) > 0.9
        low, value, high = (
            float(row[f"duration_s{end}"]) for end in ("_low", "", "_high")
        )
        assert 0 < low <= value <= high < 600
    hours = read(tmp_path, "hours.csv")
    assert [row["start"][11:13] for row in hours] == ["09", "10"]
    assert [float(row["observed_s"]) for row in hours] == [1800, 1800]
    assert [row["found"] for row in hours] == ["3", "3"]
    (day,) = read(tmp_path, "days.csv")
    assert (day["start"][:10], day["found"], day["unlike"]) == ("2024-05-01", "6", "")
    for name in ("events", "duration_s", "area_share_s"):
        sums = sum(float(row[name]) for row in hours)
        assert sums == pytest.approx(float(day[name]), rel=1e-3)
    assert told[0].startswith("2024-05-01: ")
    assert told[-1].endswith("days.csv")


def test_areas_are_corrected_by_the_bias(tmp_path):
    exact = World(of_day=0, of_event=0, false=0, missed=0)
    for bias in (0.0, -0.5):
        known = reference(exact._replace(bias=bias), np.random.default_rng(0), 40)
        events = table(tmp_path, splashes(20), HALF_PAST_NINE)
        ErrorBars(known).write(tmp_path, events)
        (row,) = read(tmp_path, "corrected.csv")
        expected = 0.02 * 5 * INTERVAL * np.exp(bias)
        assert float(row["area_share_s"]) == pytest.approx(expected, rel=0.02)


def test_pauses_are_not_observed(known, tmp_path):
    shares = splashes(40)
    events = table(tmp_path, shares, HALF_PAST_NINE)
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    (tmp_path / "rows.csv").write_text("\n".join([*lines[:21], *lines[30:], ""]))
    kept = [event for event in events if event.start_ns < HALF_PAST_NINE + 20 * STEP]
    ErrorBars(known).write(tmp_path, kept)
    seconds = sum(float(row["observed_s"]) for row in read(tmp_path, "hours.csv"))
    assert seconds == 40 * INTERVAL  # a step of 11 intervals is a pause; 10 are not
    shorter = [*lines[:21], *lines[31:], ""]
    (tmp_path / "rows.csv").write_text("\n".join(shorter))
    ErrorBars(known).write(tmp_path, kept)
    seconds = sum(float(row["observed_s"]) for row in read(tmp_path, "hours.csv"))
    assert seconds == 30 * INTERVAL


def test_a_day_unlike_the_reference_is_warned_of(known, tmp_path):
    signs = tuple(Signs(0.5 + 0.01 * n, 1e-4, 0.25) for n in range(known.blocks))
    events = table(tmp_path, splashes(40), HALF_PAST_NINE)
    told = "\n".join(ErrorBars(replace(known, signs=signs)).write(tmp_path, events))
    assert "Warning: 1 of 1 days are unlike the frames of --errors" in told
    assert "confidence 0.9, there 0.5 to 0.61" in told
    assert read(tmp_path, "days.csv")[0]["unlike"] == "confidence"


def test_frames_of_another_pace_are_refused(known, tmp_path):
    events = table(tmp_path, splashes(40), HALF_PAST_NINE, SECOND)
    with pytest.raises(ValueError, match=r"30 s apart, and these are 1 s apart"):
        ErrorBars(known).write(tmp_path, events)


def test_no_rows_give_no_tables(known, tmp_path):
    assert ErrorBars(known).write(tmp_path, table(tmp_path, [], 0)) == []
    assert not (tmp_path / "days.csv").exists()


@pytest.fixture
def errors(known, tmp_path) -> Path:
    file = tmp_path / "errors.json"
    replace(known, interval_s=1.0).write(file)
    return file


def test_the_tool_takes_errors_and_their_settings(model, errors, tmp_path, capsys):
    folder, out = draw_folder(tmp_path / "frames", range(40)), tmp_path / "watched"
    asked = Asked(str(model), str(folder), out, errors=str(errors))
    assert watch_and_tell(asked) == 0
    assert "Intervals: " in capsys.readouterr().out
    assert len(read(out, "corrected.csv")) == 4
    assert '"on": 0.01' in (out / "events.json").read_text()
    ((day, number, *_),) = Page(out / "index.html").table("Days, corrected")
    assert day == "2024-05-01"
    (row,) = read(out, "days.csv")
    low, high = float(row["events_low"]), float(row["events_high"])
    assert number == f"{float(row['events']):.1f} ({low:.1f} to {high:.1f})"
    before = {name: (out / name).read_bytes() for name in ("hours.csv", "days.csv")}
    assert watch_and_tell(asked) == 0  # again, from the rows
    assert before == {name: (out / name).read_bytes() for name in before}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"events": EventSettings(on=0.02, off=0.005)}, "leave the settings out"),
        ({"class_name": "background"}, "--errors are of 'splash', and 'background' is"),
    ],
)
def test_errors_of_something_else_are_refused(model, errors, tmp_path, given, message):
    folder = draw_folder(tmp_path / "frames", range(10))
    asked = Asked(str(model), str(folder), tmp_path / "out", errors=str(errors))
    with pytest.raises(ValueError, match=message):
        watch_and_tell(replace(asked, **given))
    assert not (tmp_path / "out" / "rows.csv").exists()

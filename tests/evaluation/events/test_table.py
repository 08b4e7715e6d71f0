import csv
import os

import numpy as np
import pytest

from mmseg_splashkd.datasets.synthetic import draw_pond
from mmseg_splashkd.datasets.timestamps import parse_timestamp
from mmseg_splashkd.evaluation.events import (
    RecordedEvent,
    find_events,
    read_events,
    write_events,
)
from mmseg_splashkd.evaluation.events.table import (
    COLUMNS,
    cells_of,
    format_utc,
    parse_utc,
)
from tests.evaluation.events.series import SECOND, event, random_series

HEAD = "recording,start,end"


def rows(number: int = 3) -> list[RecordedEvent]:
    times, shares = random_series(5)
    found = find_events(times, shares)[:number]
    assert len(found) == number
    return [RecordedEvent("pier, north", each) for each in found]


def test_events_are_read_as_they_were_written(tmp_path):
    file = tmp_path / "new" / "events.csv"
    assert write_events(file, rows()) == file
    assert read_events(file) == rows()  # every digit
    with file.open(newline="") as stream:
        table = list(csv.reader(stream))
    assert table[0] == [
        *("recording", "start", "end", "duration_s", "peak_share", "peak"),
        *("area_share_s", "intensity", "frames", "begins_open", "ends_open"),
    ]
    assert table[1] == cells_of(rows()[0])
    assert len(COLUMNS) == 11


def test_an_empty_table_is_read_as_no_events(tmp_path):
    assert read_events(write_events(tmp_path / "events.csv", [])) == []


def test_unknown_values_are_empty_cells(tmp_path):
    row = RecordedEvent("pier", event(1, 2))
    assert cells_of(row)[3:] == ["", "", "", "", "", "", "false", "false"]
    (read,) = read_events(write_events(tmp_path / "events.csv", [row]))
    assert repr(read) == repr(row)  # NaN is not equal to itself


def test_names_that_are_not_unicode_are_escaped(tmp_path):
    name = os.fsdecode(b"pier\xff")
    file = write_events(tmp_path / "e.csv", [RecordedEvent(name, event(1, 2))])
    assert read_events(file)[0].recording == r"pier\udcff"


@pytest.mark.parametrize(
    "cell",
    [
        "2023-05-02T04:00:00.250000000Z",
        "2023-05-02 06:00:00.25+02:00",
        "20230502T040000.25",
        "1683000000.25",
        "1683000000-250000000",
    ],
)
def test_all_forms_of_a_time_are_the_same_instant(cell):
    time_ns = 1_683_000_000_250_000_000
    assert parse_utc(cell, "here") == time_ns
    assert format_utc(time_ns) == "2023-05-02T04:00:00.250000000Z"


def test_times_of_a_video_may_begin_at_zero():
    assert format_utc(0) == "1970-01-01T00:00:00.000000000Z"
    assert parse_utc(format_utc(1), "here") == parse_utc("0.000000001", "here") == 1
    assert format_utc(-1) == ""


def test_three_columns_are_enough(tmp_path):
    file = tmp_path / "listed.csv"
    file.write_text(f"{HEAD};by\npier;10;20.5;Ida\n".replace(",", ";"))
    (read,) = read_events(file)
    assert repr(read) == repr(RecordedEvent("pier", event(10, 20.5)))


def test_spreadsheets_write_flags_in_capitals(tmp_path):
    file = tmp_path / "events.csv"
    file.write_text(f"{HEAD},begins_open,ends_open\npier,1,2,TRUE,FALSE\n")
    (read,) = read_events(file)
    assert (read.event.begins_open, read.event.ends_open) == (True, False)


def test_the_events_of_a_drawn_video_are_read(tmp_path):
    draw_pond(tmp_path, frames=60, size=(48, 64), progress=False)
    with (tmp_path / "events.csv").open(newline="") as stream:
        drawn = list(csv.DictReader(stream))
    with (tmp_path / "frames.csv").open(newline="") as stream:
        frames = list(csv.DictReader(stream))
    read = read_events(tmp_path / "events.csv")
    assert len(read) == len(drawn) > 2
    for row, (name, found) in zip(drawn, read, strict=True):
        assert name == row["recording"] == "pond"
        assert found.start_ns == parse_timestamp(row["start"], "")
        assert found.end_ns == parse_timestamp(row["end"], "")
        assert found.frames == int(row["frames"])
        assert found.peak_share == float(row["peak_share"])
        inside = [f for f in frames if f["burst"] == row["event"]]
        times = np.array([parse_timestamp(f["timestamp"], "") for f in frames])
        first = frames.index(inside[0])
        steps = np.append(np.diff(times), 3 * SECOND)  # of the last frame of the video
        holds = steps[first : first + len(inside)] / SECOND
        shares = np.array([float(f["splash_share"]) for f in inside])
        if len(inside) > 1:
            # Frames of this video are late by up to 0.9 s of 3 s.
            assert found.area_share_s == pytest.approx(shares @ holds, rel=0.15)


def test_a_drawn_event_of_one_frame_has_no_area(tmp_path):
    file = tmp_path / "events.csv"
    file.write_text(f"{HEAD},frames,peak_share,mean_share\npond,9,9,1,0.5,0.5\n")
    (read,) = read_events(file)
    assert (read.event.frames, read.event.intensity) == (1, 0.5)
    assert np.isnan(read.event.area_share_s)
    assert np.isnan(read.event.duration_s)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recording,start\na,1\n", r"lacks the columns \['end'\], it has"),
        (f"{HEAD}\na,3,2\n", "line 2: end 2 is before start 3"),
        (f"{HEAD}\na,1,2\na,1,2\n", "line 3, repeats line 2: remove one"),
        (f"{HEAD}\na,noon,2\n", "line 2, start: 'noon' is no time: write it as 2024"),
        (f"{HEAD}\na,,2\n", "line 2, start: '' is no time"),
        (f"{HEAD}\na,2024-13-01T00:00:00Z,2\n", "line 2, start: .* is not a valid"),
        (f"{HEAD}\na,1,2,3\n", r"line 2 has more cells than the header: \['3'\]"),
        (f"{HEAD},frames\na,1,2,1.5\n", "line 2: frames '1.5' is not a whole number"),
        (f"{HEAD},frames\na,1,2,-1\n", "line 2: frames '-1' is not a whole number"),
        (f"{HEAD},peak_share\na,1,2,2\n", r"peak_share '2' is not a number in \[0, 1"),
        (f"{HEAD},duration_s\na,1,2,inf\n", "duration_s 'inf' is not a number from 0"),
        (f"{HEAD},area_share_s\na,1,2,x\n", "area_share_s 'x' is not a number"),
        (f"{HEAD},ends_open\na,1,2,no\n", "ends_open 'no' is not true or false"),
    ],
)
def test_a_damaged_table_is_named_with_its_line(tmp_path, text, message):
    file = tmp_path / "events.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_events(file)
    assert str(file) in str(caught.value)


def test_an_absent_table_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"events .*x.csv does not exist"):
        read_events(tmp_path / "x.csv")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        read_events(tmp_path)

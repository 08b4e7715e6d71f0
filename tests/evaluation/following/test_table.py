"""Tables of blobs and of tracks."""

from pathlib import Path

import pytest

from mmseg_splashkd.datasets.synthetic import draw_pond
from mmseg_splashkd.evaluation.components import Area
from mmseg_splashkd.evaluation.events import read_events
from mmseg_splashkd.evaluation.following import Track, TrackedBlob, read_blobs
from mmseg_splashkd.evaluation.following.table import (
    COLUMNS,
    blob_line,
    rounded,
    track_line,
)

HEADER = ",".join(COLUMNS) + "\n"
TIME = 1_714_550_400_000_000_250
LINE = f"2024-05-01T08:00:00.000000250Z,{TIME},7,1,2,5,4,6,2.33,2.5\n"


def test_a_blob_is_written_and_read_back(tmp_path):
    blob = rounded(Area((1, 2, 5, 4), 6, (7 / 3, 2.5)))
    assert blob_line(TIME, 7, blob) == LINE
    file = tmp_path / "tracks.csv"
    file.write_text(HEADER + LINE + blob_line(TIME, None, blob))
    assert read_blobs(file) == [
        TrackedBlob(TIME, 7, blob),
        TrackedBlob(TIME, None, blob),
    ]


def test_a_track_is_a_line():
    track = Track(3, TIME, TIME, 0.1 + 0.2, 1, 9, 2.7, 0.0, True, False, None, 2)
    time = "2024-05-01T08:00:00.000000250Z"
    expected = f"3,{time},{time},0.3,1,9,2.7,0.0,true,false,,2\n"
    assert track_line(track) == expected


def test_a_table_of_boxes_is_enough(tmp_path):
    file = tmp_path / "boxes.csv"
    file.write_text("track;time_ns;x0;y0;x1;y1\n4;10;0;0;4;2\n")  # of a spreadsheet
    assert read_blobs(file) == [TrackedBlob(10, 4, Area((0, 0, 4, 2), 8, (1.5, 0.5)))]


def test_true_bursts_of_a_drawn_video_are_read(tmp_path):
    draw_pond(tmp_path, frames=20, size=(48, 64), label_noise=0.5, progress=False)
    bursts, events = (
        read_blobs(tmp_path / "bursts.csv"),
        read_events(tmp_path / "events.csv"),
    )
    assert len(bursts) == sum(event.frames for _, event in events) > 5
    assert {each.track for each in bursts} == set(range(1, len(events) + 1))
    for number, (_, event) in enumerate(events, 1):
        own = [each for each in bursts if each.track == number]
        assert (own[0].time_ns, own[-1].time_ns) == (event.start_ns, event.end_ns)
        peak = max(each.blob.area for each in own)
        assert peak / (48 * 64) == pytest.approx(event.peak_share, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,share\n1,2\n", "has no column time_ns, track, x0, y0, x1, y1: give the"),
        (HEADER + LINE.replace(",7,", ",x,"), "line 2: track 'x' is no whole number"),
        (HEADER + LINE.replace(",7,", ",-1,"), "line 2: track '-1' is no whole"),
        (HEADER + LINE.replace("5,4", "1,4"), "the box 1, 2, 1, 4 is empty: x1 and y1"),
        (HEADER + LINE.replace("2.33", "nan"), "line 2: x 'nan' is no number from 0"),
        (HEADER + LINE.replace("\n", ",1\n"), "line 2 has more cells than the header"),
        (HEADER + LINE[:40], "line 2: x0 '' is no whole number"),
        (
            "recording," + HEADER + "a," + LINE + "b," + LINE,
            r"has several recordings \(a, b\): give one each",
        ),
    ],
)
def test_what_is_wrong_in_a_table_is_said(tmp_path, text, message):
    file = tmp_path / "tracks.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_blobs(file)


def test_a_missing_table_is_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"table of tracks .* does not exist"):
        read_blobs(tmp_path / "none.csv")

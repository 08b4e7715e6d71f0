"""``tools/watch.py`` from a source to a table."""

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy.watch import read_rows
from mmseg_splashkd.deploy.watch.rows import COLUMNS
from mmseg_splashkd.evaluation.events import EventSettings, read_events
from tests.deploy.predict.fakes import META, RedEngine, write
from tests.deploy.watch.helpers import (
    START,
    contents,
    draw_folder,
    draw_video,
    picture,
)
from tests.tools import status_of

AREAS = {3: 64, 4: 144, 5: 64}  # of the frames of each ten that have a splash


def told(*words: object, status: int = 0) -> str:
    """What a call prints."""
    shown = io.StringIO()
    with redirect_stderr(shown), redirect_stdout(shown):
        assert status_of("watch.py", *words) == status, shown.getvalue()
    return shown.getvalue()


def refused(*words: object) -> str:
    """The message of a call that does nothing."""
    shown = told(*words, status=2)
    assert "cannot watch: " in shown
    return shown


# Rows


def test_a_folder_becomes_a_row_a_frame(model, tmp_path):
    frames = draw_folder(tmp_path / "frames", range(20))
    out = tmp_path / "out"
    shown = told(model, frames, "--out", out)
    rows = list(read_rows(out / "rows.csv"))
    assert [row.time_ns for row in rows] == [(START + n) * SECOND for n in range(20)]
    assert [row.area for row in rows] == [AREAS.get(n % 10, 0) for n in range(20)]
    assert [row.share for row in rows] == [row.area / (32 * 48) for row in rows]
    assert [row.blobs for row in rows] == [int(row.area > 0) for row in rows]
    sure = round(float(np.float32(230) / np.float32(255)), 6)
    assert {row.confidence for row in rows} == {None, sure}
    lines = (out / "rows.csv").read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert lines[4].startswith("2024-05-01T08:00:03.000000000Z,1714550403000000000,")
    files = {"rows.csv", "timeline.svg", "asked.json", "events.csv", "events.json"}
    peaks = {f"peaks/{START + n}000000000.jpg" for n in (4, 14)}
    assert set(contents(out)) == {*files, *peaks, "index.html"}
    assert "20 read: 20 rows new\n" in shown
    assert "splash: in 6 of 20 rows" in shown
    assert "at most 9.38% at 2024-05-01T08:00:04.000000000Z" in shown


def test_events_are_found_in_the_rows(model, tmp_path):
    """Frames 3 to 5 of each ten have a splash: 64, 144 and 64 of 1,536 pixels."""
    frames = draw_folder(tmp_path / "pond", range(20))
    out = tmp_path / "out"
    shown = told(model, frames, "--out", out, "--min-seconds", 0)
    found = read_events(out / "events.csv")
    assert [each.recording for each in found] == ["pond", "pond"]
    for place, (_, event) in zip((3, 13), found, strict=True):
        assert event.start_ns == (START + place) * SECOND
        assert event.end_ns == (START + place + 2) * SECOND
        assert event.duration_s == 3
        assert event.peak_share == 144 / 1536
        assert event.area_share_s == pytest.approx(272 / 1536)
        assert (event.begins_open, event.ends_open) == (False, False)
    assert "2 events, 6.0 s in total; the largest of 3.0 s, at most 9.38%" in shown
    settings = EventSettings.read(out / "events.json")
    assert settings == EventSettings(min_seconds=0)
    again = ("--gap-seconds", 9, "--recording", "north")
    assert "1 event, 13.0 s" in told(model, frames, "--out", out, *again)
    assert [each.recording for each in read_events(out / "events.csv")] == ["north"]
    nothing = told(model, frames, "--out", out, "--on", 0.5)
    assert "no event\n" in nothing
    assert read_events(out / "events.csv") == []


def test_settings_of_events_are_checked_before_anything_is_read(model, tmp_path):
    frames = draw_folder(tmp_path / "pond", range(2))
    shown = refused(model, frames, "--out", tmp_path / "out", "--on", 2)
    assert "on=2.0: give a share of the pixels in (0, 1]" in shown
    assert not (tmp_path / "out").exists()


def test_times_are_kept_to_the_nanosecond(model, tmp_path):
    frames = draw_folder(tmp_path / "frames", range(4), step=1)
    told(model, frames, "--out", tmp_path / "out")
    lines = (tmp_path / "out" / "rows.csv").read_text().splitlines()
    assert lines[4].startswith("2024-05-01T08:00:00.000000003Z,1714550400000000003,")


def test_a_video_has_its_presentation_times(model, tmp_path):
    times = [0, 40, 80, 130, 200, 240, 1000, 1040]
    video = draw_video(tmp_path / "a.mkv", times)
    shown = told(model, video, "--out", tmp_path / "out")
    rows = list(read_rows(tmp_path / "out" / "rows.csv"))
    assert [row.time_ns for row in rows] == [
        START * SECOND + time * 10**6 for time in times
    ]
    assert [row.area > 0 for row in rows] == [n in AREAS for n in range(8)]
    assert "begin at the creation_time" in shown


@pytest.mark.parametrize(
    ("words", "first", "about"),
    [
        ((), 0, "times are since its beginning"),
        (("--start", "2024-05-01T10:00:00.5+02:00"), START * SECOND + SECOND // 2, ""),
        (("--start", "7.25"), 7 * SECOND + SECOND // 4, ""),
    ],
)
def test_the_start_of_a_video(model, tmp_path, words, first, about):
    video = draw_video(tmp_path / "a.mkv", [0, 40], created=None)
    assert about in told(model, video, "--out", tmp_path / "out", *words)
    rows = list(read_rows(tmp_path / "out" / "rows.csv"))
    assert [row.time_ns - first for row in rows] == [0, 40_000_000]


# Selection


@pytest.mark.parametrize("every", ["1", "0.5", "1/3", "0.08"])
def test_at_most_one_frame_of_an_interval_is_taken(model, tmp_path, every):
    video = draw_video(tmp_path / "a.mkv", range(0, 4000, 40))
    shown = told(model, video, "--out", tmp_path / "out", "--every", every)
    rows = list(read_rows(tmp_path / "out" / "rows.csv"))
    slots = [row.time_ns // round(Fraction(every) * SECOND) for row in rows]
    assert slots == list(range(slots[0], slots[-1] + 1))
    assert f"{100 - len(rows)} left out by choice" in shown


def test_a_span_of_time_is_taken(model, tmp_path):
    frames = draw_folder(tmp_path / "frames", range(10))
    span = ("--from", "2024-05-01T08:00:03Z", "--until", START + 6)
    shown = told(model, frames, "--out", tmp_path / "out", *span)
    rows = list(read_rows(tmp_path / "out" / "rows.csv"))
    assert [row.time_ns // SECOND - START for row in rows] == [3, 4, 5]
    assert "6 read: 3 rows new, 3 left out by choice" in shown


def test_another_class_is_watched(model, tmp_path):
    frames = draw_folder(tmp_path / "frames", [4])
    told(model, frames, "--out", tmp_path / "out", "--class", "background")
    (row,) = read_rows(tmp_path / "out" / "rows.csv")
    assert row.area == 32 * 48 - 144


def test_what_decides_is_said(model, tmp_path, monkeypatch):
    frames = draw_folder(tmp_path / "frames", [0])
    shown = told(model, frames, "--out", tmp_path / "a")
    assert "splash where no class is more likely: no operating point" in shown
    monkeypatch.setitem(cast("dict", META.thresholds), "splash", 0.375)
    shown = told(model, frames, "--out", tmp_path / "b")
    assert "A pixel is splash from p >= 0.375, the operating point" in shown


# Going on


def test_a_second_call_predicts_what_is_new_and_ends_as_one_call(
    model, tmp_path, monkeypatch
):
    frames = draw_folder(tmp_path / "frames", range(12))
    words = (model, frames, "--every", 2)
    told(*words, "--out", tmp_path / "out")
    before = contents(tmp_path / "out")
    monkeypatch.setattr(RedEngine, "run", None)  # nothing is predicted
    shown = told(*words, "--out", tmp_path / "out")
    assert contents(tmp_path / "out") == before
    assert "12 read: 0 rows new, 6 rows there already, 6 left out by choice" in shown
    monkeypatch.undo()


def test_new_frames_are_added(model, tmp_path):
    frames = draw_folder(tmp_path / "frames", range(5))
    told(model, frames, "--out", tmp_path / "out")
    draw_folder(frames, range(5, 12))
    shown = told(model, frames, "--out", tmp_path / "out")
    assert "12 read: 7 rows new, 5 rows there already" in shown
    told(model, frames, "--out", tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_rows_stay_where_their_frames_were_deleted_or_came_late(model, tmp_path):
    frames = draw_folder(tmp_path / "frames", [0, 1, 2, 5])
    told(model, frames, "--out", tmp_path / "out")
    for each in sorted(frames.iterdir())[:2]:
        each.unlink()
    draw_folder(frames, [4])
    shown = told(model, frames, "--out", tmp_path / "out", status=1)
    assert "3 read: 0 rows new, 4 rows there already, 1 late" in shown
    rows = list(read_rows(tmp_path / "out" / "rows.csv"))
    assert [row.time_ns // SECOND - START for row in rows] == [0, 1, 2, 5]
    max(frames.iterdir()).unlink()
    shown = told(model, frames, "--out", tmp_path / "out", status=1)
    assert "0 rows new, 4 rows there already" in shown


def test_a_torn_line_is_cut(model, tmp_path):
    frames = draw_folder(tmp_path / "frames", range(9))
    told(model, frames, "--out", tmp_path / "out")
    whole, table = contents(tmp_path / "out"), tmp_path / "out" / "rows.csv"
    for torn in (
        whole["rows.csv"][:-20],
        whole["rows.csv"][:-1],
        whole["rows.csv"][:300] + bytes(40),
        whole["rows.csv"][:300] + bytes(40) + b"\n",
        whole["rows.csv"] + b"2024-05-0",
    ):
        table.write_bytes(torn)
        told(model, frames, "--out", tmp_path / "out")
        assert contents(tmp_path / "out") == whole


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--every", "2"), "--every: --every all frames (now 2 s)"),
        (("--class", "background"), "--class: --class splash (now background)"),
        (("--from", "1714550401"), "--from: --from the first (now 2024-05-01T08:00:01"),
        (("--until", "1714550401"), "--until: --until the last (now 2024-05-01T08:00"),
    ],
)
def test_other_settings_are_refused(model, tmp_path, words, what):
    frames = draw_folder(tmp_path / "frames", range(3))
    told(model, frames, "--out", tmp_path / "out")
    message = refused(model, frames, "--out", tmp_path / "out", *words)
    assert f"of another {what}" in message
    assert "Give another --out, or remove the folder" in message


def test_another_model_and_another_source_are_refused(model, tmp_path):
    one, two = (draw_video(tmp_path / f"{n}.mkv", range(0, n, 40)) for n in (200, 240))
    told(model, one, "--out", tmp_path / "out")
    moved = shutil.move(one, tmp_path / "moved.mkv")
    told(model, moved, "--out", tmp_path / "out")  # the same video
    message = refused(model, two, "--out", tmp_path / "out")
    assert "of another size of the video, beginning of the video: " in message
    frames = draw_folder(tmp_path / "frames", range(3))
    assert "of another folder" in refused(model, frames, "--out", tmp_path / "out")
    model.write_bytes(b"other")
    message = refused(model, moved, "--out", tmp_path / "out")
    assert "of another model: model b1f51a511f1d..." in message


def test_one_process_writes_into_a_folder(model, tmp_path):
    from mmseg_splashkd.records.lock import lock_folder

    frames = draw_folder(tmp_path / "frames", range(3))
    (tmp_path / "out").mkdir()
    lock = lock_folder(tmp_path / "out")
    message = refused(model, frames, "--out", tmp_path / "out")
    lock.release()
    assert "another process watches into it" in message
    told(model, frames, "--out", tmp_path / "out")


# Bad input


def test_what_is_no_source_is_refused(model, tmp_path):
    out = ("--out", tmp_path / "out")
    missing = refused(model, tmp_path / "none.mp4", *out)
    assert "none.mp4 does not exist: give a video, a folder of frames" in missing
    text = tmp_path / "a.mp4"
    text.write_text("no video")
    assert f"video {text} cannot be opened" in refused(model, text, *out)
    (tmp_path / "empty").mkdir()
    assert "no picture in" in refused(model, tmp_path / "empty", *out)
    write(tmp_path / "photos" / "beach.png", picture(0))
    message = refused(model, tmp_path / "photos", *out)
    assert "no name of a picture in" in message
    assert "name the format by --timestamp" in message
    assert not (tmp_path / "out").exists()


def test_a_video_without_frames_has_a_status_of_its_own(model, tmp_path):
    video = draw_video(tmp_path / "a.mp4", [0, 40])
    content = video.read_bytes()  # with the index, and then the frames
    video.write_bytes(content[: content.index(b"mdat") + 8])
    shown = told(model, video, "--out", tmp_path / "out", status=2)
    assert "0 rows new" in shown
    assert not (tmp_path / "out" / "timeline.svg").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--every", "soon"), "--every 'soon' is not a number of seconds"),
        (("--every", "0"), "--every '0' must be seconds above 0"),
        (("--from", "x"), "--from: 'x' is not a time stamp"),
        (("--from", "9", "--until", "8"), "--until 8 is not after --from 9"),
        (("--class", "foam"), "--class 'foam' is none of the classes of the model"),
        (("--start", "7"), "--start has no effect"),
        (("--annotate", "a.avi"), "--annotate a.avi: it writes a .mp4 file"),
        (("--timestamp", "unknown"), "timestamp name='unknown' is not one of"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(
    model, tmp_path, words, message
):
    frames = draw_folder(tmp_path / "frames", range(3))
    assert message in refused(model, frames, "--out", tmp_path / "out", *words)
    assert not (tmp_path / "out").exists()


def test_options_without_effect_are_refused(model, tmp_path, capsys):
    video = draw_video(tmp_path / "a.mkv", [0])
    out = ("--out", tmp_path / "out")
    assert "--timestamp has no effect" in refused(
        model, video, *out, "--timestamp", "iso8601"
    )
    assert status_of("watch.py", model, video, *out, "--fps", "25") == 2
    assert "--fps has no effect without --timestamp" in capsys.readouterr().err


def test_output_never_lies_among_the_pictures(model, tmp_path):
    frames = draw_folder(tmp_path / "frames", range(3))
    message = refused(model, frames, "--out", frames / "out")
    assert "would be taken for pictures the next time" in message
    video = draw_video(tmp_path / "a.mkv", [0])
    assert "lies in --out" in refused(model, video, "--out", tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    message = refused(model, frames, "--out", tmp_path / "full")
    assert "holds files of something else, such as letter.txt" in message


def test_a_table_that_was_edited_is_named(model, tmp_path):
    frames = draw_folder(tmp_path / "frames", range(4))
    told(model, frames, "--out", tmp_path / "out")
    table = tmp_path / "out" / "rows.csv"
    lines = table.read_text().splitlines(keepends=True)
    for content, message in (
        (["a,b\n"], "is no table of tools/watch.py"),
        ([*lines[:2], "2024,1.7E+18,0,0,0,\n"], "line 3, is damaged, or was saved by"),
        ([lines[0], lines[2], lines[1]], "line 3, is not later than the others"),
        ([lines[0], "x" * 3000], "line 2, is damaged"),
    ):
        table.write_text("".join(content))
        assert message in refused(model, frames, "--out", tmp_path / "out")


def test_frames_of_several_sizes_are_predicted(model, tmp_path):
    frames = draw_folder(tmp_path / "frames", range(4))
    write(frames / f"{START + 4}-000000000.png", picture(4, (64, 64)))
    write(frames / f"{START + 5}-000000000.png", picture(5, (17, 31)))
    video = tmp_path / "a.mp4"
    told(model, frames, "--out", tmp_path / "out", "--annotate", video)
    rows = list(read_rows(tmp_path / "out" / "rows.csv"))
    assert [row.share for row in rows[4:]] == [144 / 64**2, 64 / (17 * 31)]


def test_an_engine_is_chosen_once(model, tmp_path, monkeypatch):
    asked = []

    def chosen(folder, model, frames, threads):
        asked.append(len(list(frames)))
        return "red"

    monkeypatch.setattr("mmseg_splashkd.deploy.watch.command.chosen_engine", chosen)
    frames = draw_folder(tmp_path / "frames", range(4))
    (frames / f"{START}-000000000.png").write_bytes(b"none")
    words = (model, frames, "--out", tmp_path / "out", "--engine", "auto")
    told(*words, status=1)
    assert asked == [3]
    stored = json.loads((tmp_path / "out" / "asked.json").read_text())
    assert stored["engine"] == "red"


@pytest.mark.slow
def test_a_real_file_watches_as_it_predicts(exported, pond, tmp_path):
    from mmseg_splashkd.deploy import SplashModel

    words = (exported, pond / "images", "--out", tmp_path / "out", "--threads", 1)
    told(*words)
    expected = SplashModel.load(exported).predict(pond / "images")
    rows = list(read_rows(Path(tmp_path, "out", "rows.csv")))
    assert [row.area for row in rows] == [each.area["splash"] for each in expected]
    assert [row.blobs for row in rows] == [
        sum(blob.class_name == "splash" for blob in each.blobs) for each in expected
    ]

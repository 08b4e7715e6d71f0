"""``tools/watch.py`` with many sources, in this process."""

import csv
import os
import signal
from pathlib import Path

import pytest

from mmseg_splashkd.deploy.archive.finished import STATE
from mmseg_splashkd.deploy.watch.event_log import EventLog
from tests.deploy.predict.fakes import RedEngine
from tests.deploy.watch.helpers import contents, draw_folder, draw_video
from tests.deploy.watch.test_command import refused, told
from tests.report.html import Page
from tests.test_unwritable import limited
from tests.tools import status_of

NORTH, SOUTH = "north & <b>", "south"


@pytest.fixture
def sources(tmp_path) -> list[Path]:
    """A folder and a video."""
    north = draw_folder(tmp_path / NORTH, range(14))
    return [north, draw_video(tmp_path / f"{SOUTH}.mkv", range(0, 480, 40))]


def table(out: Path) -> list[dict[str, str]]:
    with (out / "archive.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def statuses(out: Path) -> list[str]:
    return [row["status"] for row in table(out)]


def predicted(monkeypatch) -> list[int]:
    """Takes the number of frames of each later prediction."""
    run, counts = RedEngine.run, list[int]()

    def counted(self: RedEngine, frames):
        counts.append(len(frames))
        return run(self, frames)

    monkeypatch.setattr(RedEngine, "run", counted)
    return counts


def test_each_source_has_what_one_call_writes(model, sources, tmp_path):
    out = tmp_path / "out"
    shown = told(model, *sources, "--out", out, "--min-seconds", 0)
    for source, name in zip(sources, (NORTH, SOUTH), strict=True):
        alone = tmp_path / "alone" / name
        told(model, source, "--out", alone, "--min-seconds", 0)
        assert contents(out / name) == contents(alone)
    north, south = table(out)
    assert north["source"] == str(sources[0])
    assert [north[key] for key in ("name", "status", "frames")] == [NORTH, "done", "14"]
    assert [south[key] for key in ("frames", "dropped", "events", "error")] == [
        "12",
        "0",
        "1",
        "",
    ]
    assert float(south["seconds"]) > 0
    assert f"[1/2] {NORTH}: done, 14 frames, 0 dropped, 2 events; " in shown
    assert "frames/s" in shown


def test_the_page_links_those_of_the_sources(model, sources, tmp_path):
    out = tmp_path / "out"
    told(model, *sources, "--out", out)
    page = Page(out / "index.html")
    assert page.open == []
    (table,) = page.tables.values()
    assert [row[0] for row in table[1:]] == [NORTH, SOUTH]
    links = [link["href"] for link in page.all("a")]
    assert links == ["north%20%26%20%3Cb%3E/index.html", "south/index.html"]
    assert "<b>/" not in page.html
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "img"})


def test_a_second_call_skips_what_is_finished(model, sources, tmp_path, monkeypatch):
    out = tmp_path / "out"
    told(model, *sources, "--out", out)
    before, counts = contents(out), predicted(monkeypatch)
    shown = told(model, *sources, "--out", out, "--threads", 1)
    assert contents(out) == before
    assert counts == []
    assert "[2/2] south: done, 12 frames" in shown
    assert "read:" not in shown  # no source was opened
    draw_folder(sources[0], range(14, 16))
    told(model, *sources, "--out", out)
    assert counts == [1, 1]
    told(model, *sources, "--out", out, "--on", 0.5)  # other events of the same rows
    assert [row["events"] for row in table(out)] == ["0", "0"]
    assert counts == [1, 1]
    (out / SOUTH / "rows.csv").unlink()
    told(model, *sources, "--out", out, "--on", 0.5)
    assert len(counts) == 2 + 12


def test_sources_are_smoothed_and_finished_ones_known(
    model, sources, tmp_path, monkeypatch
):
    out, counts = tmp_path / "out", predicted(monkeypatch)
    told(model, *sources, "--out", out, "--smooth", 1)
    done = len(counts)
    told(model, *sources, "--out", out, "--smooth", "1.0")
    assert len(counts) == done
    told(model, *sources, "--out", out, "--smooth", 2, status=2)  # rows of another


def test_a_source_that_fails_does_not_stop_the_others(model, sources, tmp_path):
    out, text = tmp_path / "out", tmp_path / "notes.mp4"
    text.write_text("no video")
    words = (model, text, tmp_path / "none.mp4", sources[0], "--out", out)
    shown = told(*words, status=1)
    assert statuses(out) == ["failed", "failed", "done"]
    errors = [row["error"] for row in table(out)]
    assert f"video {text} cannot be opened" in errors[0]
    assert "none.mp4 does not exist: give a video" in errors[1]
    assert "[1/3] notes: failed: video" in shown
    page = Page(out / "index.html")
    assert len(page.all("a")) == 1
    assert "does not exist" in page.text
    text.unlink()
    draw_video(text, range(0, 200, 40))
    told(*words, status=1)
    assert statuses(out) == ["done", "failed", "done"]


def test_an_error_of_the_code_is_named_and_the_others_go_on(
    model, sources, tmp_path, monkeypatch
):
    calls, end = [0], EventLog.end

    def fails(self: EventLog):
        calls[0] += 1
        if calls[0] == 1:
            raise KeyError("odd")
        return end(self)

    monkeypatch.setattr(EventLog, "end", fails)
    told(model, *sources, "--out", tmp_path / "out", status=1)
    assert statuses(tmp_path / "out") == ["failed", "done"]
    assert table(tmp_path / "out")[0]["error"] == "KeyError: 'odd'"


def test_dropped_frames_and_no_row_have_a_status(model, sources, tmp_path):
    out = tmp_path / "out"
    (sources[0] / "thumbnail.png").write_bytes(b"none")
    told(model, *sources, "--out", out, status=1)
    assert [row["dropped"] for row in table(out)] == ["1", "0"]
    told(model, *sources, "--out", out, status=1)  # also where all is skipped
    none = tmp_path / "none"
    told(model, *sources, "--out", none, "--until", 5, status=2)
    assert statuses(none) == ["empty", "empty"]


@pytest.mark.usefixtures("default_signals")
def test_a_signal_ends_with_complete_files_and_the_rest_is_left(
    model, sources, tmp_path
):
    out, take, count = tmp_path / "out", EventLog.before_row, [0]

    def interrupted(self: EventLog, row, draw) -> None:
        take(self, row, draw)
        count[0] += 1
        if count[0] == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    words = (model, *sources, "--out", out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EventLog, "before_row", interrupted)
        told(*words, status=128 + signal.SIGTERM)
    assert statuses(out) == ["left", "left"]
    assert Page(out / NORTH / "index.html").table("Days")[0][1] == "5"
    told(*words)
    told(model, sources[0], "--out", tmp_path / "alone" / NORTH)
    assert contents(out / NORTH) == contents(tmp_path / "alone" / NORTH)
    assert statuses(out) == ["done", "done"]


def test_a_full_drive_stops_and_the_same_command_goes_on(model, sources, tmp_path):
    out = tmp_path / "out"
    words = (model, *sources, "--out", out)
    with limited(900):
        shown = told(*words, status=2)
    assert " cannot be written: the file is larger" in shown
    told(*words)
    assert statuses(out) == ["done", "done"]


def test_cameras_are_listed_without_secrets_and_never_finished(
    model, tmp_path, monkeypatch
):
    file = draw_video(tmp_path / "a.mkv", range(0, 400, 40))
    cameras = tmp_path / "cameras.csv"
    cameras.write_text(f"source,name,until\nfile://{file}?token=abc,pond,5\n")
    words = (model, "--sources", cameras, "--out", tmp_path / "out")
    told(*words, status=2)
    (row,) = table(tmp_path / "out")
    assert row["source"].endswith("?token=***")
    assert not list((tmp_path / "out" / STATE).iterdir())
    written = contents(tmp_path / "out").values()
    assert all(b"abc" not in content for content in written)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give a source, or a list of sources by --sources"),
        (("a.mp4", "--jobs", 2), "--jobs has no effect with one source: give several"),
        (("a.mp4", "--address", "auto"), "--address has no effect with one source"),
        (("a.mp4", "b.mp4", "--start", 5), "--start is of one source, and here are"),
        (("a.mp4", "b.mp4", "--recording", "x"), "--recording is of one source"),
        (("a.mp4", "b.mp4", "--annotate", "x.mp4"), "--annotate names one video"),
    ],
)
def test_options_of_the_other_number_of_sources_are_refused(
    model, tmp_path, capsys, words, message
):
    assert status_of("watch.py", model, *words, "--out", tmp_path / "out") == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_refused(model, sources, tmp_path):
    told(model, sources[0], "--out", tmp_path / "one")
    message = refused(model, *sources, "--out", tmp_path / "one")
    assert "holds files of something else, such as asked.json" in message
    assert "--jobs 0: give a number from 1" in refused(
        model, *sources, "--out", tmp_path / "two", "--jobs", 0
    )
    told(model, *sources, "--out", tmp_path / "many")
    message = refused(model, sources[0], "--out", tmp_path / "many")
    assert "holds files of something else, such as archive.csv" in message


def test_one_process_watches_an_archive(model, sources, tmp_path):
    from mmseg_splashkd.records.lock import lock_folder

    (tmp_path / "out").mkdir()
    lock = lock_folder(tmp_path / "out")
    message = refused(model, *sources, "--out", tmp_path / "out")
    lock.release()
    assert "another process watches an archive into it" in message


def test_damaged_notes_are_named(model, sources, tmp_path):
    words = (model, *sources, "--out", tmp_path / "out")
    told(*words)
    note = tmp_path / "out" / STATE / f"{SOUTH}.json"
    for text in ("{", "{}"):
        note.write_text(text)
        assert f"{SOUTH}.json" in refused(*words)

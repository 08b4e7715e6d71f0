"""An archive in several processes by Ray, which starts on this machine."""

import os
import signal
from pathlib import Path

import pytest

from mmseg_splashkd.deploy.archive.finished import STATE
from mmseg_splashkd.deploy.archive.listing import Listed
from mmseg_splashkd.deploy.archive.progress import Pace
from mmseg_splashkd.deploy.watch.command import Asked
from mmseg_splashkd.deploy.watch.rows import HEADER
from tests.deploy.archive.red_file import write_red_file
from tests.deploy.archive.test_archive import statuses, table
from tests.deploy.watch.helpers import contents, draw_folder, draw_video
from tests.deploy.watch.test_command import told
from tests.report.html import Page


@pytest.fixture(scope="module")
def red(tmp_path_factory) -> Path:
    pytest.importorskip("onnxruntime")
    return write_red_file(tmp_path_factory.mktemp("red") / "red.onnx")


def test_frames_are_counted_from_the_tables_that_grow(tmp_path):
    now = [0.0]
    listed = [Listed(n, Asked("m", n, tmp_path / n)) for n in ("one", "two")]
    for each in listed:
        Path(each.asked.out).mkdir()
    one, two = (tmp_path / name / "rows.csv" for name in ("one", "two"))
    one.write_text(HEADER + "a\nb\n")  # of an earlier call
    pace = Pace(listed, lambda: now[0])
    now[0] = 2.0
    assert pace.rate() == 0
    two.write_text(HEADER + "a\nb\nc\n")
    with one.open("a") as file:
        file.write("c\n")
    assert pace.rate() == 2
    now[0] = 5.0
    with two.open("a") as file:
        file.write("d\n")
    assert (pace.rate(), pace.frames) == (1, 5)
    assert (pace.rate(), pace.frames) == (1, 5)


@pytest.mark.slow
def test_processes_write_what_one_does(red, tmp_path):
    """Sources that fail are among them; a second call finishes what is left."""
    north = draw_folder(tmp_path / "north", range(8))
    south = draw_video(tmp_path / "south.mkv", range(0, 400, 40))
    (tmp_path / "notes.mp4").write_text("no video")
    out, threads = tmp_path / "out", ("--threads", 1)
    words = (red, north, south, tmp_path / "notes.mp4", "--out", out, *threads)
    shown = told(*words, "--jobs", 2, status=1)
    assert statuses(out) == ["done", "done", "failed"]
    error = table(out)[2]["error"]
    assert "notes.mp4 cannot be opened" in error
    assert f"(see {out / STATE / 'notes.log'})" in error
    assert "north: done, 8 frames, 0 dropped" in shown
    for source, name in ((north, "north"), (south, "south")):
        told(red, source, "--out", tmp_path / "alone" / name, *threads)
        assert contents(out / name) == contents(tmp_path / "alone" / name)
    assert len(Page(out / "index.html").all("a")) == 2
    before = contents(out)
    told(*words, status=1)  # in this process, without Ray
    after = contents(out)
    assert after.keys() == before.keys()
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {"archive.csv", "index.html"}  # the error has no log


@pytest.mark.slow
@pytest.mark.usefixtures("default_signals")
def test_a_signal_ends_all_processes_with_complete_files(red, tmp_path, monkeypatch):
    """The camera has no end: the driver is told to stop when it has frames."""
    from mmseg_splashkd.deploy.archive import spread

    video = draw_video(tmp_path / "long.mkv", range(0, 400_000, 40))
    out = tmp_path / "out"
    step = spread._Shown.step

    def stepped(self, is_last: bool = False) -> None:
        step(self, is_last)
        if self._pace.frames > 20 and not self._scheduler.is_stopping:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(spread._Shown, "step", stepped)
    words = (red, "--sources", tmp_path / "list.txt", "--out", out, "--jobs", 2)
    (tmp_path / "list.txt").write_text(f"{video}\n")
    told(*words, status=128 + signal.SIGTERM)
    assert statuses(out) == ["left"]
    page = Page(out / "long" / "index.html")
    assert page.open == []
    rows = (out / "long" / "rows.csv").read_text().splitlines()
    assert page.table("Days")[0][1] == f"{len(rows) - 1:,}"


@pytest.mark.parametrize(
    ("cores", "asked", "threads"),
    [("4", None, 4), ("0", None, 1), ("4", 2, 2), ("", None, None), ("x", None, None)],
)
def test_a_process_takes_the_cores_that_it_has(monkeypatch, cores, asked, threads):
    from mmseg_splashkd.deploy.archive.job import _with_threads, job_of

    monkeypatch.setenv("OMP_NUM_THREADS", cores)
    listed = Listed("north", Asked("m", "n.mp4", "out/north", threads=asked))
    assert _with_threads(listed).asked.threads == threads
    assert job_of(listed).log == Path("out/.archive/north.log")
    assert job_of(listed).result() is None

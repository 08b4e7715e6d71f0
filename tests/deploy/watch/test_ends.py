"""Whatever ends the process: complete rows are left, and the same command goes on."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch.multiprocessing.spawn import ProcessExitedException

from mmseg_splashkd.deploy.watch import Row, read_rows
from mmseg_splashkd.deploy.watch.table import RowTable, open_table
from mmseg_splashkd.unwritable import UnwritableError
from tests.deploy.predict.fakes import RedEngine
from tests.deploy.watch.helpers import START, contents, draw_folder, draw_video
from tests.forks import fork, join
from tests.test_unwritable import limited
from tests.tools import status_of

FRAMES = 30


@pytest.fixture(params=["folder", "video"])
def source(request, tmp_path) -> Path:
    if request.param == "folder":
        return draw_folder(tmp_path / "frames", range(FRAMES))
    return draw_video(tmp_path / "a.mkv", range(0, 40 * FRAMES, 40))


def watch(*words: object, status: int | None = 0) -> None:
    assert status_of("watch.py", *words) == status


def at_frame(number: int, act: Callable[[], None]) -> pytest.MonkeyPatch:
    """Act while a frame is predicted."""
    run, count = RedEngine.run, [0]

    def acting(self: RedEngine, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if count[0] == number:
            act()
        count[0] += 1
        return run(self, frames)

    patch = pytest.MonkeyPatch()
    patch.setattr(RedEngine, "run", acting)
    return patch


def killed_while_predicting(_: int, frame: int, words: tuple) -> None:
    at_frame(frame, lambda: os.kill(os.getpid(), signal.SIGKILL))
    status_of("watch.py", *words)


def killed_while_appending(_: int, frame: int, words: tuple) -> None:
    """Kill this process after a part of a row is written, as a power cut may."""
    append, count = RowTable.append, [0]

    def torn(self: RowTable, row: Row) -> None:
        if count[0] == frame:
            half = row.line().encode()[: 5 + frame]
            self._file.write(half)
            os.kill(os.getpid(), signal.SIGKILL)
        count[0] += 1
        append(self, row)

    pytest.MonkeyPatch().setattr(RowTable, "append", torn)
    status_of("watch.py", *words)


@pytest.mark.parametrize("kill", [killed_while_predicting, killed_while_appending])
def test_kills_at_random_points_end_as_one_call(model, source, tmp_path, kill):
    random = np.random.default_rng(7)
    words = (model, source, "--out", tmp_path / "out")
    done = 0
    for _ in range(4):
        after = int(random.integers(1, 7))
        with pytest.raises(ProcessExitedException, match="SIGKILL"):
            join(fork(kill, after, words))
        done += after
        assert len(list(read_rows(tmp_path / "out" / "rows.csv"))) == done
    watch(*words)
    watch(model, source, "--out", tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_with_complete_rows_and_a_picture(
    model, source, tmp_path, name, capsys
):
    number = getattr(signal, name)
    words = (model, source, "--out", tmp_path / "out")
    patch = at_frame(11, lambda: signal.raise_signal(number))
    watch(*words, status=128 + number)
    patch.undo()
    shown = capsys.readouterr()
    assert "11 rows new" in shown.out
    assert "interrupted" in shown.err
    assert len(list(read_rows(tmp_path / "out" / "rows.csv"))) == 11
    assert (tmp_path / "out" / "timeline.svg").is_file()
    watch(*words)
    watch(model, source, "--out", tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.usefixtures("default_signals")
def test_a_signal_waits_for_the_row_and_all_that_is_made_of_it(
    model, source, tmp_path, monkeypatch
):
    append = RowTable.append

    def interrupted(self: RowTable, row: Row) -> None:
        signal.raise_signal(signal.SIGTERM)
        append(self, row)

    monkeypatch.setattr(RowTable, "append", interrupted)
    out = tmp_path / "out"
    watch(model, source, "--out", out, status=128 + signal.SIGTERM)
    assert len(list(read_rows(out / "rows.csv"))) == 1


def test_a_full_drive_is_named_and_gone_on_with(model, source, tmp_path, capsys):
    words = (model, source, "--out", tmp_path / "out")
    with limited(1000):
        watch(*words, status=2)
    told = capsys.readouterr().err
    assert f"{tmp_path / 'out' / 'rows.csv'} cannot be written: the file is" in told
    assert "then repeat the command: it goes on after the last complete row" in told
    assert (tmp_path / "out" / "rows.csv").stat().st_size == 1000
    watch(*words)
    watch(model, source, "--out", tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_rows_reach_the_drive_within_a_second_also_if_none_follows(
    tmp_path, monkeypatch
):
    """Without a sleep: the clock of the thread ticks when the test lets it."""
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    with open_table(tmp_path / "rows.csv") as table:
        synced.clear()
        ends = iter([False, True])
        monkeypatch.setattr(table._ends, "wait", lambda _: next(ends, True))
        table.append(row(0))
        table._sync_each_second()
        assert len(synced) == 1
        synced.clear()
    assert synced == []  # nothing new: no wait for the drive


def test_a_drive_that_loses_rows_is_named(tmp_path, monkeypatch):
    def fails(_: int) -> None:
        raise OSError(5, "Input/output error", None)

    def write() -> None:
        with open_table(tmp_path / "rows.csv") as table:
            monkeypatch.setattr(os, "fsync", fails)
            table.append(row(0))
            table._sync()
            table.append(row(1))

    with pytest.raises(UnwritableError, match=r"rows.csv cannot be written: its drive"):
        write()
    assert len(list(read_rows(tmp_path / "rows.csv"))) == 1


def row(number: int) -> Row:
    return Row(START + number, 0.5, 1, 1, 0.75)

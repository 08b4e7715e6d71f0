import errno
import fcntl
import json
import multiprocessing
import os
import socket

import pytest

from mmseg_splashkd.records import ledger, read_ledger, run_file
from mmseg_splashkd.records.ledger import settle
from mmseg_splashkd.records.run_file import (
    LOCK,
    hold,
    pending_runs,
    read_run,
    release,
)
from tests.records.builders import dead_pid, leave_run

HERE = socket.gethostname()
forks = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def hold_and_wait(work_dir, held, done):
    hold(work_dir)
    held.set()
    done.wait()
    os._exit(0)  # as a killed process: without freeing anything


@forks
def test_lock_tells_the_living_from_the_dead_whatever_their_number(tmp_path):
    work_dir = leave_run(tmp_path, pid=os.getpid(), hostname=HERE)
    context = multiprocessing.get_context("fork")
    held, done = context.Event(), context.Event()
    process = context.Process(target=hold_and_wait, args=(work_dir, held, done))
    process.start()
    held.wait()
    assert not list(pending_runs(tmp_path))
    with pytest.raises(FileExistsError, match="another process trains there now"):
        hold(work_dir)
    done.set()
    process.join()
    # Its number is now that of a living process, as after a start in a container.
    assert [line["how"] for line in pending_runs(tmp_path)] == ["killed"]
    hold(work_dir)
    assert not list(pending_runs(tmp_path))
    release(work_dir)


def test_number_tells_where_there_are_no_locks(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "lockf", none)
    monkeypatch.setattr(fcntl, "flock", none)
    work_dir = leave_run(tmp_path, pid=os.getpid(), hostname=HERE)
    hold(work_dir)
    assert not (work_dir / LOCK).exists()
    release(work_dir)
    assert not list(pending_runs(tmp_path))
    leave_run(tmp_path, 1, pid=dead_pid(), hostname=HERE)
    settle(tmp_path / "records.jsonl")
    assert [line["run"] for line in read_ledger(tmp_path)] == ["run1"]


def test_run_of_another_machine_is_dead_to_who_holds_its_folder(tmp_path):
    work_dir = leave_run(tmp_path, pid=dead_pid(), hostname="elsewhere")
    settle(tmp_path / "records.jsonl")
    assert read_ledger(tmp_path) == []
    settle(tmp_path / "records.jsonl", held=work_dir)
    assert [line["how"] for line in read_ledger(tmp_path)] == ["killed"]


def test_folder_of_another_user_costs_no_line(tmp_path, monkeypatch):
    def denied(*_):
        raise PermissionError

    monkeypatch.setattr(ledger, "write_run", denied)
    leave_run(tmp_path, pid=dead_pid(), hostname=HERE)
    for _ in range(2):
        settle(tmp_path / "records.jsonl")
    assert len(read_ledger(tmp_path)) == 1


def test_killed_run_tells_as_much_as_it_left(tmp_path):
    figures = {"2": {"mIoU": 1.0}, "10": {"mIoU": 2.0}}
    keys = {"pid": dead_pid(), "hostname": HERE, "iteration": 10}
    work_dir = leave_run(tmp_path, validations=figures, **keys)
    (work_dir / "last_checkpoint").write_text("/elsewhere/run0/iter_14.pth")
    began = 1_714_550_400  # BEGAN
    for path in work_dir.iterdir():
        os.utime(path, (began + 90, began + 90))
    settle(tmp_path / "records.jsonl")
    (line,) = read_ledger(tmp_path)
    assert line["how"] == "killed"
    assert line["why"] == f"its process {keys['pid']} on {HERE} is gone"
    assert (line["ended"], line["wall_s"]) == ("2024-05-01T08:01:30+00:00", 90.0)
    assert line["iteration"] == 14
    assert line["metrics"] == {"best": None, "last": {"mIoU": 2.0}}
    assert not line.keys() & {"pid", "hostname", "validations"}
    after = read_run(work_dir)
    assert after is not None
    assert after["how"] == "killed"
    assert after["validations"] == figures  # what a resumed run goes on with
    settle(tmp_path / "records.jsonl")
    assert len(read_ledger(tmp_path)) == 1


def test_run_without_room_for_its_line_is_added_as_it_ended(tmp_path):
    work_dir = leave_run(tmp_path)
    state = read_run(work_dir) or {}
    ended = state | {"how": "finished", "recorded": False}
    run_file.write_run(work_dir, ended)
    settle(tmp_path / "records.jsonl")
    (line,) = read_ledger(tmp_path)
    assert line["how"] == "finished"
    assert "recorded" not in line
    (tmp_path / "records.jsonl").unlink()
    settle(tmp_path / "records.jsonl")
    assert read_ledger(tmp_path) == []  # a line that was taken out stays out


@pytest.mark.parametrize("text", ["", "{", "[]", '{"how": "running"}'])
def test_damaged_run_file_stops_nobody(tmp_path, text):
    work_dir = tmp_path / "run"
    work_dir.mkdir()
    (work_dir / "run.json").write_text(text)
    settle(tmp_path / "records.jsonl")
    assert read_run(work_dir) is None


def test_run_file_that_lacks_a_key_is_named(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(run_file, "print_log", lambda text, **_: told.append(text))
    work_dir = leave_run(tmp_path, hostname=HERE)
    state = read_run(work_dir) or {}
    del state["began"]
    (work_dir / "run.json").write_text(json.dumps(state))
    assert not list(pending_runs(tmp_path))
    assert f"{work_dir / 'run.json'} is damaged" in told[0]


def test_times_are_utc():
    assert run_file.iso(0) == "1970-01-01T00:00:00+00:00"

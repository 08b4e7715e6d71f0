import json
import os
import shutil
import socket

import pytest

from mmseg_splashkd.records import ledger
from mmseg_splashkd.records.lock import lock_folder
from mmseg_splashkd.records.record import BestAndLast, Weights
from mmseg_splashkd.records.store import (
    find_runs,
    read_record,
    read_run,
    write_record,
)
from tests.records.builders import GOLDEN, leave_run, record

HERE = socket.gethostname()
VERSION1 = GOLDEN / "version1"


@pytest.fixture
def old(tmp_path):
    """The folder of an older version: four runs, and a ledger with one of its own."""
    return shutil.copytree(VERSION1, tmp_path / "old")


@pytest.fixture(autouse=True)
def logged(monkeypatch):
    lines = []
    monkeypatch.setattr(ledger, "print_log", lambda text, **_: lines.append(text))
    return lines


def names(runs):
    return [run.name for run in runs]


# One record


def test_written_record_is_read(tmp_path):
    assert read_record(tmp_path) is None
    write_record(tmp_path, record(3, seed=1))
    assert read_record(tmp_path) == record(3, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1, "how": "running"}'])
def test_damaged_record_is_named_with_its_remedy(tmp_path, text):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"run\.json cannot be read.*delete it") as e:
        read_record(tmp_path)
    assert str(path) in str(e.value)


def test_record_of_a_newer_version_is_refused(tmp_path):
    values = {"version": 3, "code": {"version": "9.1"}}
    (tmp_path / "run.json").write_text(json.dumps(values))
    with pytest.raises(
        ValueError, match="version 3, newer than the supported versions 1 to 2"
    ):
        read_record(tmp_path)


# Status


def test_running_run_is_killed_once_its_lock_is_released(tmp_path):
    work_dir = leave_run(tmp_path, hostname=HERE, pid=4)
    lock = lock_folder(work_dir)
    assert [run.status for run in find_runs([work_dir])] == ["running"]
    lock.release()
    (run,) = find_runs([work_dir])
    assert run.status == "killed"
    assert run.record.reason == f"its process 4 on {HERE} is gone"
    stored = read_record(work_dir)  # computed on read, never written
    assert stored is not None
    assert stored.status == "running"


def test_run_of_another_machine_stays_running(tmp_path):
    leave_run(tmp_path, hostname="elsewhere")
    (run,) = find_runs([tmp_path])
    assert run.status == "running"


def test_killed_run_shows_what_it_left(tmp_path):
    metrics = {2: {"mIoU": 1.0}, 10: {"mIoU": 2.0}}
    work_dir = leave_run(tmp_path, hostname=HERE, iteration=10, validations=metrics)
    (work_dir / "last_checkpoint").write_text("/elsewhere/run0/iter_14.pth")
    began = 1_714_550_400  # BEGAN
    for path in work_dir.iterdir():
        os.utime(path, (began + 90, began + 90))
    lock_folder(work_dir).release()  # leaves a younger lock file
    (run,) = find_runs([work_dir])
    assert run.record.ended == "2024-05-01T08:01:30+00:00"
    assert (run.record.wall_s, run.record.iteration) == (90.0, 14)
    assert run.record.metrics == BestAndLast(None, {"mIoU": 2.0})


def test_killed_run_of_version_1(old, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "workstation")
    (run,) = find_runs([old / "dying"])
    assert (run.name, run.status) == ("dying", "killed")


# Finding


def test_runs_of_a_folder_of_version_1(old, logged):
    runs = find_runs([old])
    # Folders by name, then those that only the ledger lists.
    assert names(runs) == ["kd_seed0", "dying", "killed", "plain_0627", "resumed_0102"]
    resumed = runs[-1]
    assert (resumed.work_dir, resumed.record.iteration) == (old / "resumed", 4)
    (attempt,) = resumed.record.attempts
    assert (attempt.iteration, attempt.status) == (2, "finished")
    assert [run.record.attempts for run in runs[:-1]] == [()] * 4
    assert len(logged) == 1
    assert "line 4, is left out: Unterminated" in logged[0]


@pytest.mark.parametrize("source", ["records.jsonl", "rec*.jsonl"])
def test_runs_of_an_old_ledger(old, source):
    runs = find_runs([old / source])
    assert names(runs) == ["kd_seed0", "resumed_0102", "killed"]
    # run.json of the folder has more fields than the line.
    assert runs[0].record.validations


def test_earlier_starts_are_read_from_the_ledger_beside_a_folder(old):
    line = json.loads((old / "records.jsonl").read_text().splitlines()[2])
    (old / "resumed").mkdir()
    (old / "resumed" / "run.json").write_text(json.dumps(line))
    (run,) = find_runs([old / "resumed"])
    assert [each.iteration for each in run.record.attempts] == [2]
    assert run.record.id == line["id"]


def test_sources_are_found_in_their_order_each_once(tmp_path):
    for number in range(3):
        leave_run(tmp_path / "a", number, status="finished")
    last = tmp_path / "a" / "run2"
    (tmp_path / "a" / "notes.txt").touch()
    (tmp_path / "a" / "empty").mkdir()
    assert names(find_runs([last, tmp_path / "a"])) == ["run2", "run0", "run1"]
    assert names(find_runs([str(tmp_path / "a" / "run[01]")])) == ["run0", "run1"]
    (tmp_path / "link").symlink_to(last)
    assert names(find_runs([last, tmp_path / "link"])) == ["run2"]
    inside = leave_run(last, 9)  # of a run, not of a folder of runs
    assert names(find_runs([last])) == ["run2"]
    assert names(find_runs([inside])) == ["run9"]


def test_error_where_no_run_is_found(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist, and no path"):
        find_runs([tmp_path / "nowhere"])
    with pytest.raises(ValueError, match=r"no runs found .*give work directories"):
        find_runs([tmp_path])
    with pytest.raises(ValueError, match="no path given"):
        find_runs([])


@pytest.mark.parametrize(
    "sign",
    ["scores/val_last.npz", "2024/vis_data/scalars.json", "weights_a_last.safetensors"],
)
def test_run_without_a_record_is_found_by_what_it_left(tmp_path, sign):
    path = tmp_path / "run" / sign
    path.parent.mkdir(parents=True)
    path.touch()
    (run,) = find_runs([tmp_path])
    assert (run.name, run.status) == ("run", "not recorded")
    assert "there is no run.json in it" in (run.record.reason or "")


def test_record_that_cannot_be_read_costs_no_other_run(tmp_path):
    leave_run(tmp_path, 0, status="finished")
    damaged = leave_run(tmp_path, 1)
    (damaged / "run.json").write_text('{"version": 3}')
    good, bad = find_runs([tmp_path])
    assert (good.status, bad.status) == ("finished", "not recorded")
    assert "version 3, newer than" in (bad.record.reason or "")


# Files of a run


def leave_files(work_dir, *names):
    for name in names:
        path = work_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_paths_of_scores_and_weights(tmp_path):
    kept = BestAndLast(None, "scores/val_last.npz")
    weights = BestAndLast(Weights("best.pth", "x"), Weights("gone.pth", "x"))
    work_dir = leave_run(tmp_path, scores=kept, weights=weights)
    # The record does not name the best scores: they are of an earlier run.
    scores = [f"scores/{each}.npz" for each in ("val_best", "val_last", "test_last")]
    leave_files(work_dir, *scores, "best.pth")
    (run,) = find_runs([work_dir])
    assert run.scores_path("val", "best") is None
    assert run.scores_path("val", "last") == work_dir / scores[1]
    assert run.scores_path("test", "best") is None
    assert run.scores_path("test", "last") == work_dir / scores[2]
    assert run.weights_path("best") == work_dir / "best.pth"
    assert run.weights_path("last") is None


def test_paths_of_a_run_without_a_record(tmp_path):
    leave_files(tmp_path, "scores/val_best.npz", "weights_a_last.safetensors")
    run = read_run(tmp_path)
    assert run is not None
    assert run.scores_path("val", "best") == tmp_path / "scores/val_best.npz"
    assert run.weights_path("last") == tmp_path / "weights_a_last.safetensors"
    assert run.weights_path("best") is None
    leave_files(tmp_path, "weights_b_last.safetensors")
    assert run.weights_path("last") is None  # which of them is not known


def test_no_run_is_none(tmp_path):
    assert read_run(tmp_path) is None

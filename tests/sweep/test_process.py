"""Processes, seen from the worker that starts them."""

import os
from pathlib import Path

import pytest

from mmseg_splashkd.sweep.disk import DiskFull
from mmseg_splashkd.sweep.places import places
from mmseg_splashkd.sweep.process import (
    Place,
    Stopped,
    WorkFailed,
    run_in_process,
)
from tests.sweep import works

pytestmark = pytest.mark.slow


HERE = Place()


def run(work, tmp_path: Path, place=HERE, halted=lambda: False, report=None):
    report = report or (lambda text: None)
    return run_in_process(work, tmp_path / "run" / "output.log", place, report, halted)


def test_what_it_returns_reports_and_prints(tmp_path):
    told: list[str] = []
    result = run(works.tell, tmp_path, report=told.append)
    assert result["pid"] != os.getpid()
    assert told == ["one", "two"]
    assert (tmp_path / "run" / "output.log").read_text() == "to the log\n"


def test_threads_are_those_of_its_place(tmp_path):
    assert run(works.threads, tmp_path, Place(threads=3)) == 3


def test_a_gpu_is_handed_out_before_anything_is_imported(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert run(works.tell, tmp_path, Place(gpu="7"))["gpu"] == "7"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"


@pytest.mark.parametrize(
    ("work", "said", "again"),
    [
        (works.refuse, "ValueError: r is odd more of it", False),
        (works.break_down, "RuntimeError: out of luck", True),
        (works.be_killed, "ended by signal 9", True),
    ],
)
def test_why_it_failed(tmp_path, work, said, again):
    with pytest.raises(WorkFailed, match=said) as caught:
        run(work, tmp_path)
    assert caught.value.again is again
    assert str(tmp_path) in str(caught.value)


def test_the_log_has_all_of_an_error(tmp_path):
    with pytest.raises(WorkFailed):
        run(works.refuse, tmp_path)
    assert "Traceback" in (tmp_path / "run" / "output.log").read_text()


def test_a_full_disk_is_no_fault_of_the_run(tmp_path):
    with pytest.raises(DiskFull, match="No space left"):
        run(works.fill_disk, tmp_path)


def test_it_ends_when_its_worker_is_halted(tmp_path):
    told: list[str] = []
    with pytest.raises(Stopped):
        run(works.wait, tmp_path, halted=lambda: bool(told), report=told.append)
    with pytest.raises(ProcessLookupError):
        os.kill(int(told[0]), 0)
    assert "ended in order" in (tmp_path / "run" / "output.log").read_text()


def test_places_are_gpus_or_shares_of_the_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(8), raising=False)
    assert places(None, None) == [Place(threads=8)]
    assert places(3, None) == [Place(threads=2)] * 3
    assert places(0, None) == []
    assert places(None, ["2", "5"]) == [Place(gpu="2"), Place(gpu="5")]
    assert places(1, ["2", "5"]) == [Place(gpu="2")]
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert places(2, None) == [Place()] * 2  # the environment has the last word
    with pytest.raises(ValueError, match="--workers 2: there are 1 GPUs"):
        places(2, ["0"])
    with pytest.raises(ValueError, match="--workers -1"):
        places(-1, None)

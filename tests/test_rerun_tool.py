"""Records from the command line: runs that are killed, stopped and repeated."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.records.store import find_runs, read_record
from mmseg_splashkd.records.traces import resumable
from tests.conftest import ROOT, tiny_run
from tests.lean_processes import lean
from tests.records.builders import leave_run
from tests.test_tools import write_config
from tests.tools import status_of

pytestmark = pytest.mark.slow
ENDLESS = 10**6  # iterations


def start(config: Path, *arguments: object) -> subprocess.Popen:
    """Start to train; return when a multiple of four iterations is done."""
    command = [sys.executable, "-u", "tools/train.py", config, *arguments]
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=ROOT,
        env=lean(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed = ""
    for line in process.stdout or ():
        printed += line
        found = re.search(r"Iter\(train\) \[ *(\d+)/", line)
        if found and int(found[1]) % 4 == 0:
            return process
    process.communicate()
    raise AssertionError(printed)


def end(process: subprocess.Popen, by: signal.Signals) -> str:
    process.send_signal(by)
    text, _ = process.communicate()
    return text


def test_killed_run_is_found_and_resumed_and_sigterm_stops_it(pond, tmp_path):
    options = tiny_run(pond, "model", iterations=ENDLESS)
    # mmengine removes the oldest checkpoint before it writes the newest.
    options["default_hooks.checkpoint.max_keep_ckpts"] = 3
    config = write_config(tmp_path / "tiny.py", "segformer_b0_pond.py", options)
    work_dir = tmp_path / "run"
    process = start(config, "--work-dir", work_dir, "--name", "mine")
    assert [run.status for run in find_runs([work_dir])] == ["running"]
    end(process, signal.SIGKILL)
    (killed,) = [run.record for run in find_runs([work_dir])]
    assert (killed.name, killed.status) == ("mine", "killed")
    process = start(config, "--work-dir", work_dir, "--resume")
    printed = end(process, signal.SIGTERM)
    assert process.returncode == 143
    assert printed.splitlines()[-1].startswith("stopped; --resume continues")
    stopped = read_record(work_dir)
    assert stopped is not None
    assert (stopped.name, stopped.status) == ("mine", "stopped")
    assert (stopped.reason, stopped.resumed) == ("SIGTERM", True)
    (attempt,) = stopped.attempts
    assert (attempt.id, attempt.status) == (killed.id, "killed")
    assert 2 <= attempt.iteration < stopped.iteration < ENDLESS
    # Also that of the checkpoint which was resumed from, wherever the kill fell, and
    # none that is saved after the signal.
    last = sorted(stopped.validations)[-1]
    assert sorted(stopped.validations) == list(range(2, last + 1, 2))
    assert 0 <= stopped.iteration - last <= 2
    checkpoint = read_checkpoint(resumable(work_dir) or "")
    assert checkpoint["meta"]["iter"] == stopped.iteration
    for record in (killed, stopped):
        assert record.metrics.last is not None
        assert record.metrics.last["mIoU"]
        assert record.weights.last is not None


def test_run_is_repeated_from_its_record(teacher, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    shutil.copy(teacher / "run.json", tmp_path / "run")
    assert status_of("rerun.py", tmp_path) == 0
    printed = capsys.readouterr().out
    assert "The weights are bit-equal to the recorded ones" in printed
    (again,) = tmp_path.glob("*_rerun")
    assert (again / "config.py").is_file()


def test_unknown_run_ends_with_a_list_of_runs(tmp_path, monkeypatch, capsys):
    leave_run(tmp_path, status="finished")
    assert status_of("rerun.py", tmp_path, "--run", "unknown") == 2
    printed = capsys.readouterr().err
    assert printed.startswith("cannot repeat: --run unknown: ")
    assert printed.endswith("has no such run, but run0\n")

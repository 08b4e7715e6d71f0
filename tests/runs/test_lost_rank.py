"""Two processes, of which one hangs, dies or fails: the other ends and names it."""

import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_splashkd.records.record import FAILED, RunRecord
from mmseg_splashkd.records.store import read_run
from mmseg_splashkd.runs.train import train
from tests.conftest import PLAIN, tiny_run
from tests.forks import fork

PATIENCE = 100  # seconds; only reached where a process does not end
TIMEOUT = 3.0  # seconds without a sign
AT = 2  # iteration
LOST = "given no sign for "  # some seconds more than the limit, on a busy computer


@HOOKS.register_module()
class LoseRankHook(Hook):
    """Loses one process before an iteration; before 0: before anything is built."""

    def __init__(self, rank: int, how: str, at: int = AT) -> None:
        self.rank, self.how, self.at = rank, how, at

    def before_run(self, runner: Any) -> None:
        self._lose(runner, 0)

    def before_train_iter(self, runner: Any, *_: Any, **__: Any) -> None:
        self._lose(runner, runner.iter + 1)

    def _lose(self, runner: Any, iteration: int) -> None:
        if runner.rank != self.rank or iteration != self.at:
            return
        if self.how == "raises":
            raise ZeroDivisionError("of this process alone")
        os.kill(os.getpid(), getattr(signal, self.how))


def work(rank: int, port: int, work_dir: str, options: dict) -> None:
    """One process of a run, as torchrun starts it."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    train(PLAIN, work_dir, launcher="pytorch", cfg_options=options)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_with(lost: int, how: str, at: int, pond: Path, tmp_path: Path) -> list:
    """Exit codes of both processes; one that is stopped is killed at the end."""
    options = tiny_run(pond, "model", iterations=4) | {
        "custom_hooks": [
            {"type": "RankWatchHook", "timeout": TIMEOUT},
            {"type": "LoseRankHook", "rank": lost, "how": how, "at": at},
        ]
    }
    both = fork(work, free_port(), str(tmp_path / "run"), options, number=2).processes
    both[1 - lost].join(PATIENCE)
    codes = [process.exitcode for process in both]
    for process in both:
        process.kill()
        process.join()
    return codes


def record(tmp_path: Path) -> RunRecord:
    run = read_run(tmp_path / "run")
    assert run is not None
    assert run.status == run.record.status == FAILED
    return run.record


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "how", "at", "reason"),
    [
        (1, "SIGSTOP", AT, f"process 1 of 2 {{}} has {LOST}"),
        (0, "SIGSTOP", AT, f"process 0 of 2 {{}} has {LOST}"),
        (0, "SIGSTOP", 0, f"process 0 of 2 {{}} has {LOST}"),
        (1, "SIGKILL", AT, "process 1 of 2 {} has given no sign"),
        (0, "SIGKILL", AT, "process 0 of 2 {} has given no sign"),
        (1, "raises", AT, "process 1 failed: ZeroDivisionError: of this process alone"),
    ],
)
def test_the_other_process_ends_and_the_record_names_the_lost_one(
    lost, how, at, reason, pond, tmp_path
):
    codes = run_with(lost, how, at, pond, tmp_path)
    assert codes[1 - lost] == 1
    found = record(tmp_path)
    first, _, last = reason.partition("{} ")
    assert found.reason is not None
    assert found.reason.startswith(first)
    assert last in found.reason
    assert found.ended is not None

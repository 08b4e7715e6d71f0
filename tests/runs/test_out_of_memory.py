"""Errors for lack of memory."""

import os
import signal

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, dataloader

from mmseg_splashkd.runs.out_of_memory import explained, kills, lack_of_memory_named


class Killed(Dataset):
    """Frames of which one ends the worker that loads it, as the system would."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> str:
        if index == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return str(index)  # no tensor, which would be received from the worker


def test_a_killed_worker_is_reported_as_lack_of_memory_with_a_remedy():
    loader = DataLoader(Killed(), num_workers=1)
    with (
        pytest.raises(MemoryError, match="a data-loading worker is gone") as caught,
        lack_of_memory_named(),
    ):
        list(loader)
    assert "num_workers of train_dataloader" in str(caught.value)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_connection_that_the_loader_lost_is_a_killed_worker():
    code = compile("raise EOFError", dataloader.__file__, "exec")
    with (
        pytest.raises(MemoryError, match="a data-loading worker is gone"),
        lack_of_memory_named(),
    ):
        exec(code)


def test_another_lost_connection_is_passed_on():
    with pytest.raises(EOFError), lack_of_memory_named():
        raise EOFError


@pytest.mark.parametrize(
    ("error", "is_killed", "expected"),
    [
        (
            RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly"),
            True,
            "a data-loading worker is gone: the system killed it for lack of memory",
        ),
        (
            RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
            False,
            "a data-loading worker is gone: it was killed from outside",
        ),
        (
            RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly"),
            False,
            "a data-loading worker is gone: it ended without an error of its own",
        ),
        (torch.OutOfMemoryError("CUDA out of memory"), False, "the GPU has no memory"),
        (MemoryError(), False, "this machine has no memory left (MemoryError)"),
    ],
    ids=["killed", "signal", "gone", "gpu", "machine"],
)
def test_each_kind_says_what_to_lower(error, is_killed, expected):
    text = explained(error, is_killed)
    assert text is not None
    assert text.startswith(expected)
    assert "batch_size" in text


def test_other_errors_are_passed_on():
    with pytest.raises(RuntimeError, match="shapes differ"), lack_of_memory_named():
        raise RuntimeError("shapes differ")


def test_kills_are_counted_over_all_counters(tmp_path):
    group, machine = tmp_path / "memory.events", tmp_path / "vmstat"
    group.write_text("low 0\noom 3\noom_kill 2\n")
    machine.write_text("pgfault 17\noom_kill 5\n")
    assert kills((group, machine, tmp_path / "absent")) == 7

"""Says that a run ended for lack of memory, where an error or the system knows it."""

import contextlib
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

import torch
from torch.utils.data import dataloader

# cgroup version 2 and the whole machine: a counter of processes that were killed.
COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))
WORKER = re.compile(r"DataLoader worker \(pid.*?\) (exited|is killed|was killed)")
KILLED = "killed by signal: Killed"
REMEDY = (
    "Lower num_workers of train_dataloader and val_dataloader (each worker holds its "
    "own frames), train_dataloader.batch_size or the crop size, or free memory"
)


@contextlib.contextmanager
def lack_of_memory_named() -> Iterator[None]:
    """Turn errors that lack of memory causes into one that says so.

    Raises:
        MemoryError: A data-loading worker was killed, or a GPU or this process has no
            memory left.
    """
    before = kills()
    try:
        yield
    except (MemoryError, RuntimeError, EOFError, ConnectionError) as error:
        text = explained(error, kills() > before)
        if text is None:
            raise
        raise MemoryError(text) from error


def explained(error: BaseException, is_killed: bool) -> str | None:
    """What to tell the user of an error; None if it is not one of memory.

    Args:
        error: An error of training or testing.
        is_killed: Whether the system has killed a process for lack of memory meanwhile.
    """
    first = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, torch.OutOfMemoryError):
        return (
            f"the GPU has no memory left ({first}). Lower train_dataloader.batch_size "
            f"or the crop size, or use --amp"
        )
    if isinstance(error, MemoryError):
        return f"this machine has no memory left ({first or 'MemoryError'}). {REMEDY}"
    if WORKER.search(str(error)) is None and not _lost_a_worker(error):
        return None
    if is_killed:
        cause = "the system killed it for lack of memory"
    elif KILLED in str(error):
        cause = "it was killed from outside, most often for lack of memory"
    else:
        cause = "it ended without an error of its own, as for lack of (shared) memory"
    why = first or type(error).__name__
    return f"a data-loading worker is gone: {cause} ({why}). {REMEDY}"


def _lost_a_worker(error: BaseException) -> bool:
    """Whether the loader lost a worker's connection while it received a batch."""
    if not isinstance(error, (EOFError, ConnectionError)):
        return False
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_code.co_filename == dataloader.__file__ for frame, _ in frames)


def kills(counters: tuple[Path, ...] = COUNTERS) -> int:
    """Number of processes that the system has killed for lack of memory so far."""
    total = 0
    for path in counters:
        with contextlib.suppress(OSError):
            words = path.read_text(encoding="utf-8").split()
            if "oom_kill" in words:
                total += int(words[words.index("oom_kill") + 1])
    return total

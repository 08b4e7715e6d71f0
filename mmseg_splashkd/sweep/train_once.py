"""A training run that is completed exactly once, however often it is interrupted."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.records.record import FINISHED
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.runs.train import train

LAST = "last_checkpoint"
LEFT = (LAST, "iter_*.pth", "best_*.pth", "weights_*.safetensors", "scores/*.npz")
CHECKPOINT = re.compile(r"iter_(\d+)\.pth")
POLL = 0.5  # seconds between two tries to acquire a lock


def is_trained(work_dir: Path) -> bool:
    """Whether the training run of a folder is finished."""
    record = read_record(work_dir)
    return record is not None and record.status == FINISHED


def exclusive(folder: Path, what: str, stack: ExitStack) -> Iterator[str]:
    """Hold the lock of a folder until a stack is closed or the process ends.

    Sweeps that share a teacher train it once: the others wait here.

    Args:
        folder: Folder to work in; the lock file lies beside it.
        what: What is waited for, for the progress display.
        stack: Releases the lock.

    Yields:
        A phase if another process holds the lock.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"), poll_interval=POLL)
    try:
        stack.enter_context(lock.acquire(blocking=False))
    except Timeout:
        yield f"waits for {what}"
        stack.enter_context(lock.acquire())


def train_once(
    config: str, work_dir: Path, name: str, options: dict[str, Any], iterations: int
) -> None:
    """Train, resume an interrupted run, or do nothing if it is finished.

    Args:
        config: Config file.
        work_dir: Work directory of the run.
        name: Name of the run.
        options: ``--cfg-options``.
        iterations: Number of iterations of the whole run.
    """
    if is_trained(work_dir):
        return
    resume = can_resume(work_dir, iterations)
    if not resume:
        _clear(work_dir)
    train(config, work_dir, resume=resume, cfg_options=options, name=name)


def _clear(work_dir: Path) -> None:
    """Remove the files, except logs, of a run that cannot be resumed."""
    for pattern in LEFT:
        for path in work_dir.glob(pattern):
            path.unlink()


def can_resume(work_dir: Path, iterations: int) -> bool:
    """Whether a run left a complete checkpoint from before its last iteration.

    A run that is killed while it writes has a damaged checkpoint or none. A run that is
    killed in its last validation has nothing left to train but has no scores: it begins
    anew.
    """
    pointer = work_dir / LAST
    if not pointer.is_file():
        return False
    path = Path(pointer.read_text().strip())
    found = CHECKPOINT.fullmatch(path.name)
    if not found or int(found[1]) >= iterations or not path.is_file():
        return False
    try:
        return "optimizer" in read_checkpoint(path)
    except ValueError:
        return False

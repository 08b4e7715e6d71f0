"""What a training run has left in a folder, and whether it can be resumed."""

from pathlib import Path

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.records.record import FAILED, STOPPED
from mmseg_splashkd.records.run_file import RECORD
from mmseg_splashkd.records.store import SIGNS, read_run

POINTER = "last_checkpoint"
CHECKPOINTS = (POINTER, "iter_*.pth", "epoch_*.pth", "best_*.pth")
OUTPUTS = (*CHECKPOINTS, *SIGNS)


def trace_of_run(work_dir: str | Path) -> str | None:
    """The run that a folder holds, in words; None if it holds none.

    A record, a checkpoint, weights, scores or a log of losses are traces. A start that
    failed or was stopped before its first step, and left no more than its record, is
    not: another start keeps it among its earlier ones.

    Args:
        work_dir: Folder of a run; need not exist.
    """
    work_dir = Path(work_dir)
    outputs = (path for each in OUTPUTS for path in work_dir.glob(each))
    first = next(outputs, None)
    run = read_run(work_dir) if work_dir.is_dir() else None
    if run is None or not (work_dir / RECORD).is_file():
        return None if first is None else first.relative_to(work_dir).as_posix()
    record = run.record
    ended_early = record.status in (FAILED, STOPPED) and not record.iteration
    if first is None and ended_early and not record.attempts:
        return None
    return f"{run.name}, {status_words(run.status, record.reason, record.iteration)}"


def status_words(status: str, reason: str | None, iteration: int | None = None) -> str:
    """Status, iteration and reason of a run, such as ``failed at iteration 3: ...``."""
    at = "" if iteration is None else f" at iteration {iteration}"
    return f"{status}{at}{f': {reason}' if reason else ''}"


def resumable(work_dir: str | Path) -> Path | None:
    """The checkpoint from which a run can be resumed; None if there is none.

    A run that is killed while it writes has a damaged checkpoint or none.

    Args:
        work_dir: Folder of a run.
    """
    pointer = Path(work_dir, POINTER)
    if not pointer.is_file():
        return None
    path = Path(pointer.read_text(encoding="utf-8").strip())
    if not path.is_file():
        return None
    try:
        return path if "optimizer" in read_checkpoint(path, own=True) else None
    except ValueError:
        return None


def how_to_go_on(work_dir: str | Path) -> str:
    """What to do in a folder with a run that has ended early."""
    checkpoint = resumable(work_dir)
    if checkpoint is not None:
        return f"--resume continues from {checkpoint.name}"
    return (
        f"it left no checkpoint to resume: begin again in another folder (--work-dir), "
        f"or remove {str(work_dir)!r} first"
    )

"""What a training run has left in a folder, and whether it can be resumed."""

from pathlib import Path
from typing import NamedTuple

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.records.checkpoints import POINTER, STEPS, newest_first
from mmseg_splashkd.records.record import FAILED, FINISHED, KILLED, STOPPED
from mmseg_splashkd.records.run_file import RECORD
from mmseg_splashkd.records.store import SIGNS, read_run

CHECKPOINTS = (POINTER, *STEPS, "best_*.pth")
OUTPUTS = (*CHECKPOINTS, *SIGNS)
RESULTS = ("best_*.pth", "weights_*.safetensors", "scores/*.npz")


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


class Resumable(NamedTuple):
    """Checkpoints of a run.

    Attributes:
        path: The newest one that reads whole, with the state of its optimizer.
        passed_over: Newer ones that do not.
    """

    path: Path | None
    passed_over: tuple[Path, ...]


def find_resumable(work_dir: str | Path) -> Resumable:
    """The checkpoint from which a run can be resumed.

    A folder that was moved or copied is resumed from its own files: a path that
    ``last_checkpoint`` holds leads out of the folder only if the run was told to write
    its checkpoints elsewhere (``default_hooks.checkpoint.out_dir``).

    Args:
        work_dir: Folder of a run.
    """
    passed_over: list[Path] = []
    for path in newest_first(Path(work_dir)):
        try:
            if "optimizer" in read_checkpoint(path, own=True):
                return Resumable(path, tuple(passed_over))
        except ValueError:
            passed_over.append(path)
    return Resumable(None, tuple(passed_over))


def resumable(work_dir: str | Path) -> Path | None:
    """The checkpoint from which a run can be resumed; None if there is none.

    Args:
        work_dir: Folder of a run.
    """
    return find_resumable(work_dir).path


def begins_again(work_dir: str | Path) -> bool:
    """Whether a run was killed, stopped or failed before it had saved any checkpoint.

    One that failed with weights or scores does not: they would be overwritten by what
    may fail again.

    Args:
        work_dir: Folder of a run.
    """
    run = read_run(work_dir) if Path(work_dir).is_dir() else None
    found = find_resumable(work_dir)
    if run is None or found.path is not None or found.passed_over:
        return False
    if run.status == FAILED:
        return not any(any(Path(work_dir).glob(each)) for each in RESULTS)
    return run.status in (KILLED, STOPPED)


def how_to_go_on(work_dir: str | Path) -> str:
    """What to do in a folder with a run that has ended."""
    checkpoint = resumable(work_dir)
    if checkpoint is None and begins_again(work_dir):
        return "--resume begins it again, since it left no checkpoint"
    if checkpoint is None:
        return (
            f"it left no checkpoint to resume: remove {str(work_dir)!r} to begin again "
            f"there"
        )
    run = read_run(work_dir)
    if run is not None and run.status == FINISHED:
        return "--resume with a larger train_cfg.max_iters trains on"
    return f"--resume continues from {checkpoint.name}"

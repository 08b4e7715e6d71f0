"""Closes the record of a run that has lost one of its processes."""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mmengine.runner import Runner

from mmseg_splashkd.hooks.rank_watch import LostRank, same_host
from mmseg_splashkd.hooks.rank_watch_hook import RankWatchHook
from mmseg_splashkd.records.killed import as_killed
from mmseg_splashkd.records.lock import lock_folder
from mmseg_splashkd.records.record import FAILED, RUNNING
from mmseg_splashkd.records.store import read_record, write_record
from mmseg_splashkd.runs.recorder import (
    Recorder,
    owes_its_end,
    traceback_of_another,
)


@contextlib.contextmanager
def watched_ranks(runner: Runner, recorder: Recorder | None) -> Iterator[None]:
    """Watch the processes of a run, and have its record closed when one is lost.

    Args:
        runner: Runner, whose config may name a ``RankWatchHook``.
        recorder: Recorder of the first process; None in the others.
    """
    named = [hook for hook in runner.hooks if isinstance(hook, RankWatchHook)]
    hook = named[0] if named else RankWatchHook()
    if not named:
        runner.register_hook(hook)
    work_dir = Path(runner.work_dir).absolute()

    def close(lost: LostRank, reason: str) -> None:
        reason = traceback_of_another(work_dir) or reason
        if recorder is not None:
            recorder.end(FAILED, reason)
        elif lost.rank == 0:
            close_for_the_first(work_dir, lost, reason)

    hook.on_lost = close
    if recorder is not None:
        recorder.missing = lambda: _words(hook.find_lost(), runner.world_size)
    try:
        hook.begin(runner)
        yield
    except Exception as error:
        lost = hook.find_lost() if recorder is None and owes_its_end(error) else None
        if lost is not None:
            close(lost, lost.words(runner.world_size))
        raise


def _words(lost: LostRank | None, size: int) -> str | None:
    return None if lost is None else lost.words(size)


def close_for_the_first(work_dir: Path, lost: LostRank, reason: str) -> None:
    """Close the record of a run whose first process, which writes it, is lost.

    Args:
        work_dir: Folder of the run.
        lost: The first process. One that is stopped, and holds the lock of the folder,
            is killed if it is on this machine.
        reason: What to record.

    Raises:
        OSError: The folder is locked by another process, or cannot be written.
    """
    if same_host(lost) and lost.pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(lost.pid, signal.SIGKILL)
    lock = lock_folder(work_dir)
    try:
        record = read_record(work_dir)
        if record is not None and record.status == RUNNING:
            killed = as_killed(record, work_dir)
            write_record(work_dir, replace(killed, status=FAILED, reason=reason))
    finally:
        lock.release()

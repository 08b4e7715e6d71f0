"""Ray task of a sweep: runs one job in a fresh process and streams its progress."""

import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray

from mmseg_splashkd.hooks.not_finite import NotFiniteError
from mmseg_splashkd.sweep.disk import is_disk_full
from mmseg_splashkd.sweep.job import Job
from mmseg_splashkd.unwritable import writing

# Kinds of events; the last four end a task.
STARTED, PHASE = "started", "phase"
DONE, FAILED, REFUSED, FULL = "done", "failed", "refused", "disk full"
Event = tuple[str, Any]  # kind, and text or result
DEATHS = 3  # restarts of a task whose process or machine dies
# Errors of the input, and a loss that is not finite, which would occur again.
INPUT_ERRORS = (ValueError, FileNotFoundError, FileExistsError, ImportError, TypeError)
INPUT_ERRORS += (NotFiniteError,)


# A process per task: nothing that a run leaves in memory reaches the next one.
@ray.remote(max_calls=1, max_retries=DEATHS, num_returns="streaming")
def run_task(job: Job, folder: str, command: list[str]) -> Iterator[Event]:
    """Run a job.

    Args:
        job: The job.
        folder: Directory of the sweep's command, to which relative paths refer.
        command: Command line of the sweep, for the record of a run.
    """
    _take_interrupts()
    yield STARTED, _where()
    try:
        sys.argv = command
        os.chdir(folder)
        _redirect_output(job.log)
        steps = job()
        while True:
            yield PHASE, next(steps)
    except StopIteration as end:
        yield DONE, end.value
    except Exception as error:
        yield _failure(error, job.log)


def _take_interrupts() -> None:
    """Let Ray interrupt this process although its sweep was started in the background.

    A shell has ``nohup`` and ``&`` ignore SIGINT, and so do all processes of the sweep;
    Ray interrupts a task by that signal.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _where() -> str:
    gpus = ray.get_gpu_ids()
    on = f" (GPU {', '.join(map(str, gpus))})" if gpus else ""
    return f"{socket.gethostname()}{on}"


def _redirect_output(log: Path) -> None:
    """Append stdout and stderr of this process, and of its children, to a file."""
    with writing(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        file = log.open("ab")
    with file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())


def _failure(error: Exception, log: Path) -> Event:
    with suppress(OSError):  # the disk may be full
        traceback.print_exc()
        sys.stderr.flush()
    lines = (str(error).strip() or repr(error)).splitlines()
    text = f"{type(error).__name__}: {' '.join(lines[:4])} (see {log})"
    if is_disk_full(error):
        return FULL, text
    return (REFUSED if isinstance(error, INPUT_ERRORS) else FAILED), text

"""A process of its own for each piece of work."""

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from mmseg_splashkd.sweep.disk import DiskFull, says_full

# What takes seconds to import: once for all processes.
PRELOADED = ["__main__", "mmseg_splashkd.sweep.jobs"]
LOOKS = 0.5  # seconds between looks at whether to stop
GRACE = 30.0  # seconds that a stopped process has to end by itself
# Another try would meet these again.
INPUT_ERRORS = (ValueError, FileNotFoundError, FileExistsError, ImportError, TypeError)
_starting = threading.Lock()


class Stopped(Exception):  # noqa: N818 - what happened, not an error
    """The work was stopped before its end."""


class WorkFailed(Exception):  # noqa: N818
    """The work ended with an error.

    Args:
        text: What it was, in a line.
        again: Whether another try may fare better.
    """

    def __init__(self, text: str, again: bool) -> None:
        super().__init__(text)
        self.again = again


@dataclass(frozen=True)
class Place:
    """Where work runs.

    Args:
        gpu: Its name in ``CUDA_VISIBLE_DEVICES``; None: as the environment says.
        threads: Of torch on the CPU; None: as the environment says.
    """

    gpu: str | None = None
    threads: int | None = None

    @property
    def variables(self) -> dict[str, str]:
        """Of the environment, set before anything is imported there."""
        return {} if self.gpu is None else {"CUDA_VISIBLE_DEVICES": self.gpu}


def run_in_process(
    work: Callable[..., Any],
    log: Path,
    place: Place,
    report: Callable[[str], object],
    halted: Callable[[], bool],
) -> Any:
    """Call a function in a process of its own and wait for it.

    Without a GPU the process is a fork of a server that has imported all there is to
    import; with one, it starts anew, for a driver does not survive a fork.

    Args:
        work: Takes ``report``; it and what it returns can be pickled.
        log: What it prints is added to this file.
        place: Where it runs.
        report: Called here with the lines that the function reports.
        halted: Asked now and then; once True, the process is interrupted.

    Returns:
        What the function returns.

    Raises:
        Stopped: ``halted`` said so.
        DiskFull: The disk is full.
        WorkFailed: It raised anything else, or was killed.
    """
    method = "forkserver" if place.gpu is None else "spawn"
    context: Any = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(PRELOADED)
    mine, its = context.Pipe(duplex=False)
    process = context.Process(
        target=_enter, args=(its, work, str(log), place.threads), daemon=False
    )
    with _starting, _environment(place.variables):
        process.start()
    its.close()
    try:
        message = _follow(process, mine, report, halted)
    finally:
        if process.is_alive():
            process.kill()
        process.join()
        mine.close()
    return _outcome(message, process.exitcode, log)


class _environment:  # noqa: N801 - used as a statement
    """Set variables of the environment for a while."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables

    def __enter__(self) -> None:
        self.before = {key: os.environ.get(key) for key in self.variables}
        os.environ.update(self.variables)

    def __exit__(self, *_: object) -> None:
        for key, value in self.before.items():
            if value is None:
                os.environ.pop(key)
            else:
                os.environ[key] = value


def _follow(
    process: Any,
    messages: Connection,
    report: Callable[[str], object],
    halted: Callable[[], bool],
) -> tuple | None:
    """The last message of a process, or None if it ended without one."""
    waited: float | None = None
    while True:
        ready = wait([messages, process.sentinel], LOOKS)
        if messages in ready:
            try:
                message = messages.recv()
            except EOFError:
                process.join(GRACE)
                return ("stopped",) if waited is not None else None
            if message[0] != "report":
                process.join(GRACE)
                return message
            report(message[1])
        elif ready:
            return ("stopped",) if waited is not None else None
        if waited is None and halted():
            waited = 0.0
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)
        elif waited is not None and not ready:
            waited += LOOKS
            if waited > GRACE:
                return ("stopped",)


def _outcome(message: tuple | None, exitcode: int | None, log: Path) -> Any:
    if message is None:
        killer = f"signal {-exitcode}" if exitcode and exitcode < 0 else str(exitcode)
        raise WorkFailed(
            f"its process was ended by {killer}; too little memory? See {log}", True
        )
    kind, *content = message
    if kind == "stopped":
        raise Stopped
    if kind == "full":
        raise DiskFull(content[0])
    if kind == "failed":
        text, again = content
        raise WorkFailed(f"{text} (all of it: {log})", again)
    return content[0]


def _enter(
    messages: Connection, work: Callable[..., Any], log: str, threads: int | None
) -> None:
    """What the process does."""
    os.setsid()  # a terminal's Ctrl-C is the worker's to pass on
    threading.Thread(target=_die_with_worker, daemon=True).start()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _print_to(log)
        _set_threads(threads)
        result = work(report=lambda text: messages.send(("report", text)))
        messages.send(("done", result))
    except KeyboardInterrupt:
        messages.send(("stopped",))
    except BaseException as error:
        messages.send(_told(error, log))


def _told(error: BaseException, log: str) -> tuple:
    with suppress(OSError):  # the disk may be full
        traceback.print_exc()
        sys.stderr.flush()
    first = (str(error).strip() or repr(error)).splitlines()
    text = f"{type(error).__name__}: {' '.join(first[:4])}"
    if says_full(error):
        return ("full", f"the disk is full: {text} ({log})")
    return ("failed", text, not isinstance(error, INPUT_ERRORS))


def _die_with_worker() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _print_to(log: str) -> None:
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as file:  # noqa: PTH123 - for its number alone
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())


def _set_threads(threads: int | None) -> None:
    if threads is not None:
        import torch

        torch.set_num_threads(threads)

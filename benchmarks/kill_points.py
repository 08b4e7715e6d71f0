"""Runs work in a forked process that dies at a chosen file operation or moment.

The process is a fork of this one, which has imported everything: a kill costs seconds,
not a start-up. File operations are seen by an audit hook of Python, so that no function
of the work is named or replaced.
"""

import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = ("os.remove", "os.rmdir", "os.rename", "os.mkdir", "os.link", "os.symlink")
# Process ids, times and random parts of names differ from run to run.
VARYING = re.compile(r"(?<=\.)\d+(?=\.partial)|\d{8}_\d{6}|events\.\S+")
POLL = 0.005  # seconds


@dataclass(frozen=True)
class Step:
    """A file operation.

    Args:
        text: What it does, without what varies from run to run.
        torn: File that is written to just before it, whose content may be cut off.
    """

    text: str
    torn: str | None


class Trap:
    """Audit hook that notes the file operations in a folder, and may kill at one.

    Args:
        folder: Absolute path of the folder.
        notes: File that gets a line for each operation.
        at: Number of the operation before which the process dies, from 1; None: never.
        torn: Whether the file written to before the operation loses its second half,
            as where the kill comes in the middle of the write.
    """

    def __init__(
        self, folder: Path, notes: Path, at: int | None = None, torn: bool = False
    ) -> None:
        self.folder, self.at, self.torn = str(folder), at, torn
        self._notes = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._count = 0
        self._opened: str | None = None  # the last file that began empty
        self._ended = False

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Handle an audit event."""
        if self._ended or not (event == "open" or event in CHANGES):
            return
        paths = self._changed(event, args)
        if not paths:
            return
        torn = paths[0] if event == "os.rename" else self._opened
        if torn is not None and not Path(torn).is_file():
            torn = None
        self._count += 1
        name = event.removeprefix("os.")
        text = " to ".join(VARYING.sub("*", self._short(path)) for path in paths)
        cut = VARYING.sub("*", self._short(torn)) if torn else ""
        os.write(self._notes, f"{name} {text}\t{cut}\n".encode())
        if self._count == self.at:
            self._die(torn)
        empties = event == "open" and str(args[1] or "").startswith(("w", "x"))
        self._opened = paths[0] if empties else None

    def _changed(self, event: str, args: tuple[Any, ...]) -> list[str]:
        """Paths in the folder that an event is about to change."""
        if event == "open" and not (isinstance(args[2], int) and args[2] & WRITES):
            return []
        given = (
            args[:2] if event in ("os.rename", "os.link", "os.symlink") else args[:1]
        )
        if not all(isinstance(each, str | bytes | os.PathLike) for each in given):
            return []
        paths = [os.path.abspath(os.fsdecode(each)) for each in given]  # noqa: PTH100
        if not all(path.startswith(f"{self.folder}{os.sep}") for path in paths):
            return []
        # Without effect: a folder that is there, a temporary file that was renamed.
        if event == "os.mkdir" and Path(paths[0]).is_dir():
            return []
        if event == "os.remove" and not os.path.lexists(paths[0]):
            return []
        return paths

    def _short(self, path: str) -> str:
        return path.removeprefix(f"{self.folder}{os.sep}")

    def _die(self, torn: str | None) -> NoReturn:
        self._ended = True
        if self.torn and torn is not None:
            os.truncate(torn, Path(torn).stat().st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("killed")


def steps_of(notes: Path) -> list[Step]:
    """The file operations that a trap has noted."""
    lines = [line.partition("\t") for line in notes.read_text("utf-8").splitlines()]
    return [Step(text, torn or None) for text, _, torn in lines]


def forked(
    work: Callable[[], Any],
    log: Path,
    trap: Callable[[], Trap] | None = None,
    seconds: float | None = None,
    limit: float = 600.0,
) -> int:
    """Run something in a fork of this process.

    Args:
        work: What to run; its return value, if an int, is the exit status.
        log: File to which the output is appended.
        trap: Makes the trap, in the fork.
        seconds: Time after which the fork is killed; None: never.
        limit: Seconds after which the fork is taken to hang.

    Returns:
        Exit status; 1 after an exception; ``-SIGKILL`` for a fork that was killed.

    Raises:
        TimeoutError: It runs longer than ``limit``.
    """
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _in_fork(work, log, trap)
    begin = time.monotonic()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        passed = time.monotonic() - begin
        if passed > (limit if seconds is None else seconds):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            if seconds is None:
                raise TimeoutError(f"it ran for more than {limit:.0f} s: {log}")
            return -signal.SIGKILL
        time.sleep(POLL)


def _in_fork(
    work: Callable[[], Any], log: Path, trap: Callable[[], Trap] | None
) -> NoReturn:
    code = 1
    try:
        with log.open("ab") as file:
            for number in (1, 2):
                os.dup2(file.fileno(), number)
        if trap is not None:
            sys.addaudithook(trap())
        result = work()
        code = result if isinstance(result, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

"""The boundary between a tool and its user: every error becomes one message."""

import importlib
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FAULTS = "mmseg_splashkd.config.faults"
UNWRITABLE = "mmseg_splashkd.unwritable"
STOPS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")


class Interrupted(KeyboardInterrupt):
    """A signal ended the tool."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number  # as a shell reports it


class _Interrupt:
    """Handler of a signal, which raises once: a second one would interrupt the end."""

    gives_way = True  # to the handlers of a run
    raised = False

    def __call__(self, number: int, _frame: Any) -> None:
        if not self.raised:
            self.raised = True
            raise Interrupted(number)


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """Let signals end a tool as Ctrl-C does, so that no file is left half written."""
    numbers = [getattr(signal, name) for name in STOPS if hasattr(signal, name)]
    default = (signal.SIG_DFL, signal.default_int_handler)  # not ignored, as by nohup
    before = {each: signal.getsignal(each) for each in numbers}
    before = {each: by for each, by in before.items() if by in default}
    handler = _Interrupt()
    for each in before:
        signal.signal(each, handler)
    try:
        yield
    finally:
        for each, by in before.items():
            signal.signal(each, by)


def run_tool(main: Callable[[], int | None], failure: str, status: int = 1) -> None:
    """Run a tool, and exit with the status that it returns.

    An error that says what to do is printed as one message. Of any other error, type
    and first line are printed; the message names a file with the traceback. Both end
    with ``status``; argparse ends with 2 on bad arguments, and a signal with 128 and
    its number, such as 130 after Ctrl-C.

    Args:
        main: Reads the command line, does the work and returns the exit status, or
            None to go on. It imports what takes long after it has read them.
        failure: Start of each message, such as ``"cannot train"``.
        status: Exit status of a failure; default 1.
    """
    try:
        with _interrupted_by_signals():
            code = main()
    except KeyboardInterrupt as stopped:
        print("interrupted", file=sys.stderr)
        code = getattr(stopped, "exit_code", 130)
    except Exception as error:
        message = _visible(f"{failure}: {_message_of(error)}")
        if status == 1:
            sys.exit(message)
        print(message, file=sys.stderr)
        code = status
    if code is not None:
        sys.exit(code)


def _visible(text: str) -> str:
    """A text whose control characters, as of a file's name, do not act."""
    plain = (c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
    return "".join(plain)


def _message_of(error: Exception) -> str:
    # Absent if the package itself cannot be imported; the reason is then the message.
    faults = sys.modules.get(FAULTS) and importlib.import_module(FAULTS)
    if faults is None:
        explains, caused = isinstance(error, (ImportError, OSError, ValueError)), False
    else:
        explains = faults.explains_itself(error)
        caused = isinstance(error, faults.ConfigError) and error.__cause__ is not None
    if (text := _unwritable(error)) is not None:
        return text
    if explains:
        return f"{error}\n{_kept(error)}" if caused else str(error)
    lines = str(error).strip().splitlines() or [""]
    summary = f"{type(error).__name__}: {lines[0]}".removesuffix(": ")
    return f"{summary}\n{_kept(error)}"


def _unwritable(error: Exception) -> str | None:
    """What to do about a drive that takes no more files; None for other errors."""
    drive = sys.modules.get(UNWRITABLE) and importlib.import_module(UNWRITABLE)
    if drive is None or not isinstance(error, OSError):
        return None
    number = error.errno
    if number is None or number not in drive.WRITING:
        return None
    if error.strerror != os.strerror(number):
        return str(error)  # says so already
    return drive.explained(error.filename or "a file", number)


def _kept(error: Exception) -> str:
    """Write the traceback to a file; returns where it is."""
    text = "".join(traceback.format_exception(error))
    try:
        handle, name = tempfile.mkstemp(".txt", "mmseg_splashkd_traceback_")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as full:
        return f"traceback ({full}):\n{text}"
    return f"traceback: {Path(name)}"

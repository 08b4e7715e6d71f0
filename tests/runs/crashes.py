"""Ends a run at an exact operation on files, as a power cut does."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.truncate")
OPERATIONS += ("shutil.rmtree",)


class Crash(BaseException):
    """The process is dead from here on."""


class _Counter:
    """Counts the operations on files of a folder, and crashes at one of them."""

    folder = ""
    count = 0
    at: int | None = None

    def __call__(self, event: str, arguments: tuple) -> None:
        if not self.folder or event not in OPERATIONS or not self._is_own(arguments):
            return
        if event == "open" and not self._writes(arguments):
            return
        self.count += 1
        if (
            self.at is not None and self.count >= self.at
        ):  # a dead process writes nothing
            raise Crash(f"{event} {arguments[0]}")

    def _is_own(self, arguments: tuple) -> bool:
        return str(arguments[0]).startswith(self.folder)

    def _writes(self, arguments: tuple) -> bool:
        mode, flags = arguments[1], arguments[2]
        return bool(flags & (os.O_WRONLY | os.O_RDWR)) or "w" in str(mode)


_counter = _Counter()
sys.addaudithook(_counter)


@contextmanager
def crashing(folder: Path, at: int | None = None) -> Iterator[_Counter]:
    """Crash at the n-th operation that changes files of a folder, from 1.

    Args:
        folder: The folder.
        at: Number of the operation; None to count only.
    """
    _counter.folder, _counter.count, _counter.at = str(folder), 0, at
    try:
        yield _counter
    except Crash:
        pass
    finally:
        _counter.folder, _counter.at = "", None


def interrupt_saves(patch: pytest.MonkeyPatch) -> None:
    """Send Ctrl-C to this process at the beginning of every ``torch.save``."""
    save = torch.save

    def interrupted(*args: Any, **kwargs: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        save(*args, **kwargs)

    patch.setattr(torch, "save", interrupted)

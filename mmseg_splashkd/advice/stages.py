"""Stages of a long command: one line each, and what they print in a file."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmseg_splashkd.unwritable import writing

STDOUT = 1


class Stages:
    """Says what is done, while all else that the process prints goes to a log.

    The descriptor is redirected, not ``sys.stdout``: loggers keep the stream that they
    were made with. Warnings and errors go to stderr, which stays.

    Args:
        log: File to append to.
    """

    def __init__(self, log: Path) -> None:
        self.log = log

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Say its name; log what is printed inside."""
        print(f"{time.strftime('%H:%M:%S')}  {name}", flush=True)
        with writing(self.log):
            self.log.parent.mkdir(parents=True, exist_ok=True)
            file = self.log.open("ab")
        kept = os.dup(STDOUT)
        try:
            with file:
                os.dup2(file.fileno(), STDOUT)
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, STDOUT)
            os.close(kept)

"""A unit of work of a sweep that is completed exactly once."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mmseg_splashkd.unwritable import writing

LOG = "output.log"
POLL = 0.5  # seconds between two tries to acquire a lock


@dataclass(frozen=True)
class Job:
    """Work that may be interrupted at any time and called again.

    A call returns at once if the work is complete, and continues it otherwise. A lock
    beside the folder excludes other processes: sweeps that share a teacher train it
    once, and the others wait. Jobs are pickled.

    Args:
        config: Config file.
        options: Dotted config keys to override.
        folder: Folder that the job writes to.
    """

    config: str
    options: Mapping[str, Any] = field(hash=False)
    folder: Path

    @property
    def log(self) -> Path:
        """File for everything that the job prints."""
        return self.folder / LOG

    def result(self) -> float | None:
        """Result, read from disk; NaN without a metric, None unless complete."""
        raise NotImplementedError

    def work(self) -> Iterator[str]:
        """Complete the work.

        Yields:
            The current step, for the progress display.
        """
        raise NotImplementedError

    def __call__(self) -> Generator[str, None, float | None]:
        """Complete the work while no other process does, and return the result."""
        lock = FileLock(self.folder.with_name(f".{self.folder.name}.lock"))
        try:
            with writing(lock.lock_file):
                self.folder.parent.mkdir(parents=True, exist_ok=True)
                lock.acquire(blocking=False)
        except Timeout:
            yield "waits for another process"
            lock.acquire(poll_interval=POLL)
        try:
            if self.result() is None:
                yield from self.work()
            return self.result()
        finally:
            lock.release()

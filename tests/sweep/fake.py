"""Jobs that count their calls instead of training."""

import os
import select
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmseg_splashkd.sweep.job import Job


@dataclass(frozen=True)
class FakeJob(Job):
    """Writes its value to a file.

    Args:
        config: Not used.
        options: Not used.
        folder: Folder of the job.
        value: Result of the job.
        error: Raised by every call.
        holds: The first call waits for ``release``.
        is_deaf: It does so whatever interrupts it.
    """

    value: float = 50.0
    error: Exception | None = None
    holds: bool = False
    is_deaf: bool = False

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def fifo(self) -> Path:
        return self.folder / "fifo"

    @property
    def waits(self) -> Path:
        """File that exists once the first call waits."""
        return self.folder / "waits"

    def result(self) -> float | None:
        done = self.folder / "value"
        return float(done.read_text()) if done.is_file() else None

    def calls(self) -> list[str]:
        """Process, node and whether torch is imported, of every call at work."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.is_file() else []

    def release(self) -> None:
        self.fifo.write_text("go")

    def work(self) -> Iterator[str]:
        import ray

        first = not self.calls()
        node = ray.get_runtime_context().get_node_id()
        with (self.folder / "calls").open("a") as file:
            file.write(f"{os.getpid()} {node} {'torch' in sys.modules}\n")
        if first and self.holds:
            os.mkfifo(self.fifo)
        yield "works"
        if first and self.holds:
            self._wait()
        if self.error is not None:
            raise self.error
        partial = self.folder / "partial"
        partial.write_text(str(self.value))
        partial.rename(self.folder / "value")

    def _wait(self) -> None:
        handle = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.waits.touch()
        while True:
            try:
                if select.select([handle], [], [], 0.1)[0]:
                    return  # a select without end could not be interrupted
            except KeyboardInterrupt:
                if not self.is_deaf:
                    raise


def fake_job(parent: Path, name: str, **options) -> FakeJob:
    """A job in a folder of its own."""
    return FakeJob("config.py", {}, parent / name, **options)

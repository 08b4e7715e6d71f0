"""Jobs that count their calls instead of training."""

import os
import select
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FakeJob:
    """Writes its value to a file.

    Args:
        folder: Folder of all jobs.
        name: Name of the job.
        value: Its result.
        error: Raised by every call.
        holds: The first call waits for ``release``.
    """

    folder: Path
    name: str
    value: float = 50.0
    error: Exception | None = None
    holds: bool = False

    @property
    def log(self) -> Path:
        return self.folder / self.name / "output.log"

    @property
    def fifo(self) -> Path:
        return self.folder / f"{self.name}.fifo"

    def result(self) -> float | None:
        done = self.folder / self.name / "value"
        return float(done.read_text()) if done.is_file() else None

    def calls(self) -> list[str]:
        """Process and node of every call that got to work."""
        path = self.folder / self.name / "calls"
        return path.read_text().splitlines() if path.is_file() else []

    def release(self) -> None:
        self.fifo.write_text("go")

    def __call__(self) -> Generator[str, None, float | None]:
        if (value := self.result()) is not None:
            return value
        import ray

        first = not self.calls()
        node = ray.get_runtime_context().get_node_id()
        with (self.folder / self.name / "calls").open("a") as file:
            file.write(f"{os.getpid()} {node}\n")
        if first and self.holds:
            os.mkfifo(self.fifo)
        yield "works"
        if first and self.holds:
            handle = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
            while not select.select([handle], [], [], 0.1)[0]:
                pass  # a select without end could not be interrupted
        if self.error is not None:
            raise self.error
        partial = self.folder / self.name / "partial"
        partial.write_text(str(self.value))
        partial.rename(self.folder / self.name / "value")
        return self.value

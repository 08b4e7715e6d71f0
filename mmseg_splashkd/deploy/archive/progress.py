"""Progress of an archive: sources done, and frames a second."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mmseg_splashkd.deploy.archive.listing import Listed
from mmseg_splashkd.deploy.archive.table import FAILED, Line
from mmseg_splashkd.deploy.watch import rows

CHUNK = 2**20  # bytes


class Pace:
    """Counts the rows that processes write, from what is new in their tables.

    Args:
        listed: The sources; what their tables hold already does not count.
        clock: Seconds.
    """

    def __init__(
        self, listed: Sequence[Listed], clock: Callable[[], float] = time.monotonic
    ) -> None:
        files = (Path(each.asked.out) / rows.FILE for each in listed)
        self._places = {file: _size(file) for file in files}
        self._clock, self._began = clock, clock()
        self.frames = 0

    def rate(self) -> float:
        """Frames a second of all processes, since the beginning."""
        for file, place in self._places.items():
            if _size(file) > place:
                self._places[file] = self._count(file, place)
        return self.frames / max(self._clock() - self._began, 1e-9)

    def _count(self, file: Path, place: int) -> int:
        with file.open("rb") as opened:
            opened.seek(place)
            while content := opened.read(CHUNK):
                self.frames += content.count(b"\n")
                place += len(content)
        if place and not self._places[file]:
            self.frames -= 1  # the header
        return place


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def told(line: Line, done: int, total: int) -> str:
    """A line about a source that has ended.

    Args:
        line: The source.
        done: Number of sources that have ended.
        total: Number of all.
    """
    start = f"[{done}/{total}] {line.listed.name}: {line.status}"
    if line.status == FAILED:
        return f"{start}: {line.error}"
    if line.finished is None:
        return start
    found = line.finished
    return (
        f"{start}, {found.frames:,} frames, {found.dropped:,} dropped, "
        f"{found.events:,} events"
    )

"""The table of a source: a row a frame, in lines that are complete or not counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from mmseg_splashkd.evaluation.events.table import format_utc

FILE = "rows.csv"
COLUMNS = ("time", "time_ns", "share", "area", "blobs", "confidence")
HEADER = ",".join(COLUMNS) + "\n"
LONGEST = 1024  # bytes of a line: what is longer is no row


@dataclass(frozen=True, slots=True)
class Row:
    """What is predicted of one frame, of the class that is watched.

    Attributes:
        time_ns: Time of the frame in nanoseconds since 1970 UTC, or since the beginning
            of a video that tells no time.
        share: Share of the class in the pixels, in [0, 1].
        area: Number of its pixels.
        blobs: Number of its 8-connected areas.
        confidence: Its mean probability over its pixels, in [0, 1]; None where it has
            no pixel.
    """

    time_ns: int
    share: float
    area: int
    blobs: int
    confidence: float | None

    @property
    def time(self) -> str:
        """``time_ns`` as an ISO 8601 date and time in UTC, with all nanoseconds."""
        return format_utc(self.time_ns)

    def line(self) -> str:
        """The line of the table; every number is read back as it is."""
        confidence = "" if self.confidence is None else repr(float(self.confidence))
        values = (
            self.time,
            self.time_ns,
            repr(float(self.share)),
            self.area,
            self.blobs,
        )
        return ",".join(map(str, (*values, confidence))) + "\n"


def read_rows(path: str | Path) -> Iterator[Row]:
    """Read a table row by row, in constant memory, also while it is written.

    A last line that is not complete, as after a power cut, is left out.

    Args:
        path: ``rows.csv``.

    Yields:
        The rows; their times increase.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is another table, or a line is damaged; the message names it.
    """
    for placed in placed_rows(path):
        yield placed.row


class PlacedRow(NamedTuple):
    """A row and where it ends.

    Attributes:
        row: The row.
        end: Number of bytes of the file up to its end.
    """

    row: Row
    end: int


def placed_rows(path: str | Path) -> Iterator[PlacedRow]:
    """As ``read_rows``, with the place of each row in the file."""
    with Path(path).open("rb") as file:
        if file.readline(LONGEST) != HEADER.encode():
            raise ValueError(
                f"{path} is no table of tools/watch.py, which begins with "
                f"{HEADER.strip()}: name another folder"
            )
        last, end = None, len(HEADER)
        for number, line in complete_lines(file):
            row, end = _parsed(line, f"{path}, line {number},"), end + len(line)
            if last is not None and row.time_ns <= last:
                raise ValueError(f"{path}, line {number}, is not later than the others")
            last = row.time_ns
            yield PlacedRow(row, end)


def complete_lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Numbers and bytes of lines up to the first that a power cut has torn.

    Args:
        file: A table of lines of at most ``LONGEST`` bytes, read up to the header.
    """
    number = 1
    while line := file.readline(LONGEST):
        number += 1
        # Some file systems fill with zeros what had not reached the drive.
        if b"\0" in line or (not line.endswith(b"\n") and len(line) < LONGEST):
            return
        yield number, line


def _parsed(line: bytes, where: str) -> Row:
    try:
        _, time_ns, share, area, blobs, confidence = line.decode().strip().split(",")
        return Row(
            int(time_ns),
            float(share),
            int(area),
            int(blobs),
            float(confidence) if confidence else None,
        )
    except ValueError as error:
        raise ValueError(
            f"{where} is damaged, or was saved by another program: restore the file, "
            f"or give another --out"
        ) from error

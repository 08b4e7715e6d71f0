"""The table of blobs beside the table of rows, and how far both agree."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from mmseg_splashkd.deploy.watch.rows import (
    HEADER,
    LONGEST,
    complete_lines,
    placed_rows,
)
from mmseg_splashkd.deploy.watch.table import AFTERWARDS
from mmseg_splashkd.evaluation.components import Area
from mmseg_splashkd.evaluation.following.table import COLUMNS, TrackedBlob
from mmseg_splashkd.unwritable import writing

FILE = "tracks.csv"
BLOB_HEADER = ",".join(COLUMNS) + "\n"


class PlacedBlob(NamedTuple):
    """A blob and where its line ends.

    Attributes:
        tracked: The blob.
        end: Number of bytes of the file up to its end.
    """

    tracked: TrackedBlob
    end: int


def placed_blobs(path: Path) -> Iterator[PlacedBlob]:
    """Read ``tracks.csv`` line by line, in constant memory, also while it is written.

    Args:
        path: The file.

    Raises:
        ValueError: It is another table, or a line is damaged; the message names it.
    """
    with path.open("rb") as file:
        if file.readline(LONGEST) != BLOB_HEADER.encode():
            raise ValueError(
                f"{path} is no table of tools/watch.py --follow, which begins with "
                f"{BLOB_HEADER.strip()}: give another --out"
            )
        end = len(BLOB_HEADER)
        for number, line in complete_lines(file):
            end += len(line)
            yield PlacedBlob(_parsed(line, f"{path}, line {number},"), end)


def cut_to_agreement(rows: Path, blobs: Path) -> tuple[int, int]:
    """Cut both tables to the last frame that both have whole.

    The blobs of a frame are written before its row. So after a kill there may be blobs
    without their row. After a power cut there may also be rows without their blobs,
    because the drive takes the two files in any order.

    Args:
        rows: ``rows.csv``, which may be missing.
        blobs: ``tracks.csv``.

    Returns:
        The number of bytes of ``tracks.csv`` that agree, and the number of rows that
        were cut.

    Raises:
        UnwritableError: Drive, quota or rights do not allow it.
        ValueError: A table is damaged.
    """
    ends, cut, agrees = [len(HEADER), len(BLOB_HEADER)], 0, True
    found = placed_blobs(blobs)
    for placed in placed_rows(rows) if rows.exists() else ():
        own = list(islice(found, placed.row.blobs)) if agrees else []
        times = {each.tracked.time_ns for each in own}
        agrees &= len(own) == placed.row.blobs and times <= {placed.row.time_ns}
        cut += not agrees
        if agrees:
            ends = [placed.end, own[-1].end if own else ends[1]]
    if cut:
        with writing(rows, afterwards=AFTERWARDS):
            os.truncate(rows, ends[0])
    return ends[1], cut


def _parsed(line: bytes, where: str) -> TrackedBlob:
    try:
        _, time_ns, track, *box, area, x, y = line.decode().strip().split(",")
        left, top, right, bottom = map(int, box)
        blob = Area((left, top, right, bottom), int(area), (float(x), float(y)))
        return TrackedBlob(int(time_ns), int(track) if track else None, blob)
    except ValueError as error:
        raise ValueError(
            f"{where} is damaged, or was saved by another program: restore the file, "
            f"or give another --out"
        ) from error

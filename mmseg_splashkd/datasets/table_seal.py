"""Row count and digest of a written split table, in a file beside it.

``sha256sum --check`` reads the file too.
"""

import functools
import hashlib
import logging
import re
from pathlib import Path

from mmengine.logging import print_log

from mmseg_splashkd.files import write_whole

SUFFIX = ".sha256"
SEAL = re.compile(r"# (?P<rows>\d+) rows\b[^\n]*\n(?P<sha256>[0-9a-f]{64}) ")
LONGEST = 4096  # bytes of such a file


def seal_of(table: str | Path) -> Path:
    """The file beside a table, such as ``split.csv.sha256``."""
    return Path(f"{table}{SUFFIX}")


def write_seal(table: Path, text: str, rows: int) -> None:
    """Write row count and digest of a table that has been written.

    Args:
        table: The table.
        text: Its content.
        rows: Number of its rows, without the header.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()
    note = "removed by hand? then remove this file too"
    write_whole(seal_of(table), f"# {rows} rows; {note}\n{digest}  {table.name}\n")


def is_edited(table: Path, rows: int) -> bool:
    """Whether a table was edited since it was written.

    A table that was cut off, as by a full drive or a copy that ended early, is refused:
    it would be another data set. One without such a file beside it is not compared.

    Args:
        table: An existing table.
        rows: Number of rows that were read.

    Raises:
        ValueError: The table has fewer rows than were written, or its last line does
            not end; or the file beside it is damaged.
    """
    seal = seal_of(table)
    if not seal.is_file():
        return False
    with seal.open("rb") as file:
        written = SEAL.match(file.read(LONGEST).decode("utf-8", "replace"))
    if written is None:
        raise ValueError(
            f"{seal} does not hold the number of rows and the SHA-256 of {table}: copy "
            f"it again, or remove it, so that the table is read without a comparison"
        )
    content = table.read_bytes()
    if hashlib.sha256(content).hexdigest() == written["sha256"]:
        return False
    count = int(written["rows"])
    if rows < count or not content.endswith((b"\n", b"\r", b"\n\0")):
        raise ValueError(
            f"{table} has {rows} of the {count} rows that were written, or its last "
            f"line is cut off: copy it again. If rows were removed on purpose, remove "
            f"{seal}, so that the table is read as it is"
        )
    return True


def check_seal(table: Path, rows: int) -> None:
    """Refuse a table that was cut off, and say of another that it was edited.

    Args:
        table: An existing table.
        rows: Number of rows that were read.

    Raises:
        ValueError: See ``is_edited``.
    """
    if is_edited(table, rows):
        _tell(str(table), table.stat().st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _tell(table: str, _changed: int) -> None:
    """Say it once for each version of a table: every part of a run reads it."""
    print_log(
        f"{table} was edited since it was written, and is used as it is",
        logger="current",
        level=logging.WARNING,
    )

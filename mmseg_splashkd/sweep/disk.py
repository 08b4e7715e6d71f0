"""Disk space: checked before each run, and recognised in errors."""

import errno
import shutil
from pathlib import Path

from mmseg_splashkd.unwritable import number_of

FLOOR = 200 * 2**20  # bytes
SPARE = 2  # times the size of the largest run so far


class DiskFullError(OSError):
    """There is no space for another run."""


def check_space(folder: Path, largest: int) -> None:
    """Check that there is space for another run.

    Args:
        folder: Folder of the sweep.
        largest: Size of the largest run so far in bytes, 0 without one.

    Raises:
        DiskFullError: Less is free than twice that size, or than 200 MiB.
    """
    need, free = max(FLOOR, SPARE * largest), shutil.disk_usage(folder).free
    if free < need:
        raise DiskFullError(
            errno.ENOSPC,
            f"{free / 2**20:,.0f} MiB are free, and the next run may need "
            f"{need / 2**20:,.0f} MiB: free some, then repeat the command",
            str(folder),
        )


def size_of(folder: Path) -> int:
    """Size of all files in a folder in bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files)


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that caused it, is that a drive takes no more files.

    It is full, read-only, or a quota or a limit is reached.
    """
    return number_of(error) is not None

"""Room on the disk, asked for before a run needs it."""

import errno
import shutil
from pathlib import Path

FLOOR = 200 * 2**20  # bytes
SPARE = 2  # times what the largest run so far took
FULL = {errno.ENOSPC, errno.EDQUOT}
# What libraries say who keep no errno: safetensors, SQLite, torch.
SAYS_FULL = ("no space left on device", "disk is full", "disk quota exceeded")


class DiskFull(Exception):  # noqa: N818 - what happened, not an error of the run
    """There is no room for a run."""


def check_room(folder: Path, largest: int) -> None:
    """Make sure that there is room for another run.

    Args:
        folder: Of the sweep.
        largest: Bytes of the largest run so far, 0 if there is none.

    Raises:
        DiskFull: There is not.
    """
    need, free = max(FLOOR, SPARE * largest), shutil.disk_usage(folder).free
    if free < need:
        raise DiskFull(
            f"{folder} has {free / 2**20:,.0f} MiB free, and the next run is given "
            f"{need / 2**20:,.0f} MiB: make room, then give the same command again"
        )


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files)


def says_full(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, is that of a full disk."""
    while error is not None:
        text = str(error).lower()
        if getattr(error, "errno", None) in FULL or any(s in text for s in SAYS_FULL):
            return True
        error = error.__cause__ or error.__context__
    return False

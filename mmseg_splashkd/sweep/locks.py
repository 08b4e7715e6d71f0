"""Locks between processes that the system frees when their holder dies."""

import errno
import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mmseg_splashkd.records.locks import lock


@contextmanager
def locked(path: Path, waiting: Callable[[], object] | None = None) -> Iterator[None]:
    """Hold the lock of a file, waiting for it if need be.

    Args:
        path: The file; it is made, and stays.
        waiting: Called once if another holds the lock.

    Raises:
        OSError: The drive has no locks, without which workers would meet in one run.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if not _lock(file.fileno(), path):
            if waiting is not None:
                waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield  # closing the file frees the lock


def _lock(handle: int, path: Path) -> bool:
    """Lock without waiting; False if another holds the lock."""
    try:
        if lock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return True
    except BlockingIOError:
        return False
    raise OSError(
        errno.ENOLCK,
        "this drive has no file locks, by which workers keep out of each other's way: "
        "name another --out, or mount it with locks",
        str(path),
    )

"""Atomic writes, and hashes of files."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Write a file atomically: to a temporary file, which then replaces it.

    If the process is killed or the disk is full, the file stays as it was.

    Args:
        path: The file; its folder is created.

    Yields:
        The temporary file to write to, in the same folder and with the same suffix.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process id: two processes may write the same file at once.
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: str | Path, text: str) -> Path:
    """Write text atomically, without newline translation, and return the path."""
    with whole_file(path) as partial:
        partial.write_bytes(text.encode())
    return Path(path)


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()

"""Files that appear whole or not at all, and what is in them as a hash."""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The second form, without a process id, is what earlier versions wrote.
PARTIAL = re.compile(r"\.(?P<stem>.+?)(\.\d+)?\.partial(?P<suffix>\.[^.]*)?")


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Write a file beside its place, and put it there once it is whole.

    A process that is killed, or meets a full disk, leaves the file as it was.

    Args:
        path: The file; its folder is made.

    Yields:
        The path to write to, of the same suffix.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own for each process: two may write the same file at once.
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def target_of_partial(path: str | Path) -> Path | None:
    """The file that a killed ``whole_file`` was writing.

    Args:
        path: Any file.

    Returns:
        Path of the complete file; None if ``path`` is not such a leftover.
    """
    match = PARTIAL.fullmatch(Path(path).name)
    if match is None:
        return None
    return Path(path).with_name(f"{match['stem']}{match['suffix'] or ''}")


def write_whole(path: str | Path, text: str) -> Path:
    """Write text, as it is, to a file that appears whole or not at all."""
    with whole_file(path) as partial:
        partial.write_bytes(text.encode())
    return Path(path)


def file_sha256(path: str | Path) -> str:
    """Hash of a file's bytes."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()

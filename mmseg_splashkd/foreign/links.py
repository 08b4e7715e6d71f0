"""Links in folders from elsewhere: they may lead to files that are not meant to leave.

A converted data set holds copies. A link in an export to a private picture, or to a
folder of them, would put these into it.
"""

import os
from collections.abc import Iterator
from pathlib import Path

NAMED = 3  # links in a message


def check_links(folder: str | Path, remedy: str) -> None:
    """Refuse a folder with links that lead out of it, or to folders.

    A link to a file inside is allowed. The folder itself may be a link. Nothing is
    read but the names in it.

    Args:
        folder: A folder of any depth; a file is allowed.
        remedy: What to do about it, for the error.

    Raises:
        ValueError: There is such a link.
    """
    folder = Path(folder)
    root = folder.resolve()
    found = [path for path in _links(folder) if not _is_harmless(path, root)]
    if found:
        listed = ", ".join(f"{path} -> {path.readlink()}" for path in found[:NAMED])
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        raise ValueError(
            f"{folder} holds links to folders, or to files outside of it: "
            f"{listed}{more}. {remedy}"
        )


def _links(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            if path.is_symlink():
                yield path


def _is_harmless(path: Path, root: Path) -> bool:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # leads nowhere, or to itself
        return False
    return target.is_relative_to(root) and not target.is_dir()


def walk(folder: str | Path) -> Iterator[tuple[str, list[str]]]:
    """Folders and the names of their files, following links, but no link round.

    Args:
        folder: The folder to start from.

    Yields:
        Path of a folder, and the names of its files, sorted.
    """
    yield from _walk(os.fspath(folder), frozenset())


def _walk(folder: str, above: frozenset[tuple[int, int]]) -> Iterator:
    try:
        status = Path(folder).stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:  # as os.walk
        return
    if (own := (status.st_dev, status.st_ino)) in above:
        return
    inner = [entry for entry in entries if entry.is_dir()]
    yield folder, [entry.name for entry in entries if not entry.is_dir()]
    for entry in inner:
        yield from _walk(entry.path, above | {own})

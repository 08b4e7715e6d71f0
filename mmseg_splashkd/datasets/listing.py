"""Listing of pictures in folders that other programs write into too."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmseg_splashkd.datasets.frames import PICTURES
from mmseg_splashkd.foreign.links import walk

HIDDEN = "hidden"  # key of the counts of files passed over


def is_system_file(name: str) -> bool:
    """Whether a file belongs to an operating system, not to a data set.

    macOS writes ``._<name>`` beside every file on a foreign disk, which has the suffix
    of a picture and holds none; others are ``.DS_Store``, ``Thumbs.db`` and
    ``desktop.ini``.

    Args:
        name: Name of the file, without its folder.
    """
    return name.startswith(".") or name.lower() in ("thumbs.db", "desktop.ini")


def list_pictures(
    root: Path, suffixes: tuple[str, ...] = PICTURES
) -> tuple[list[Path], Counter[str]]:
    """List the pictures of a folder and its subfolders, following links.

    Args:
        root: The folder.
        suffixes: Suffixes of pictures, in lower case.

    Returns:
        Pictures sorted by path; and the files passed over, counted by their suffix in
        lower case (empty for none), or by ``'hidden'`` for files of the system.
    """
    passed_over: Counter[str] = Counter()
    return sorted(each_picture(root, suffixes, passed_over)), passed_over


def each_picture(
    root: Path, suffixes: tuple[str, ...], passed_over: Counter[str]
) -> Iterator[Path]:
    """As ``list_pictures``, one at a time and in the order of the folders.

    Args:
        root: The folder.
        suffixes: Suffixes of pictures, in lower case.
        passed_over: Takes the counts of the files passed over.
    """
    for path in _files(root):
        suffix = path.suffix.lower()
        if is_system_file(path.name):
            passed_over[HIDDEN] += 1
        elif suffix in suffixes:
            yield path
        else:
            passed_over[suffix] += 1


def describe_passed_over(passed_over: Mapping[str, int]) -> str:
    """Counts of files passed over, for a message: ``'3 .xml, 2 hidden'``."""
    counts = Counter(passed_over).most_common()
    return ", ".join(
        f"{count} {suffix or 'without suffix'}" for suffix, count in counts
    )


def _files(root: Path) -> Iterator[Path]:
    for parent, names in walk(root):
        yield from (Path(parent, name) for name in names)

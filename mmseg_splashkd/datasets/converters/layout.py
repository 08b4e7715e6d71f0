"""Reading of folders and arguments, shared by the converters."""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from mmengine.logging import print_log

from mmseg_splashkd.datasets.label_coding import read_gray
from mmseg_splashkd.datasets.listing import (
    HIDDEN,
    describe_passed_over,
    is_system_file,
)
from mmseg_splashkd.datasets.timestamps import SECOND

NOMINAL_START = 10**9 * SECOND  # UNIX time in nanoseconds
DAY = 86_400 * SECOND
SHOWN = 8  # file names in an error message
Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True)
class LabelFile:
    """Label of a foreign data set; calling it reads the file, ``str`` is its path."""

    path: Path

    def __call__(self) -> np.ndarray:
        """Return (H, W) gray values; see ``read_gray``."""
        return read_gray(self.path)

    def __str__(self) -> str:
        return str(self.path)


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Check that an argument has one of its values.

    Raises:
        ValueError: ``value`` is not one of ``choices``.
    """
    if value not in choices:
        raise ValueError(f"{name}={value!r} is not one of {list(choices)}")


def expect_folders(folders: Iterable[Path], layout: str) -> None:
    """Check that folders exist.

    Args:
        folders: The required folders.
        layout: Description of the expected layout, for the error message.

    Raises:
        FileNotFoundError: A folder is missing; the message lists what exists instead.
    """
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{folder} is not a folder; {describe_contents(folder)}. {layout}"
            )


def describe_contents(folder: Path) -> str:
    """Contents of the closest existing folder at or above ``folder``, for errors."""
    while not folder.is_dir():
        folder = folder.parent
    names = sorted(path.name for path in folder.iterdir())
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{folder} holds {', '.join(names[:SHOWN]) or 'nothing'}{more}"


def index_unique(
    entries: Iterable[tuple[Key, Value]], problem: str
) -> dict[Key, Value]:
    """Index values by keys that must be unique.

    Args:
        entries: Pairs of key and value.
        problem: Description of the conflict of two values with one key, for the error
            message.

    Raises:
        ValueError: Two different values have the same key.
    """
    index: dict[Key, Value] = {}
    for key, value in entries:
        if (first := index.setdefault(key, value)) != value:
            raise ValueError(f"{first} and {value} {problem}")
    return index


def files_in(folder: Path, *suffixes: str) -> dict[str, Path]:
    """Files of a folder by their name without suffix, sorted by name.

    Files of another suffix are passed over with a warning that counts them; system
    files, such as ``._<name>`` of macOS, are counted too.

    Args:
        folder: The folder; subfolders are not searched.
        suffixes: Only files with one of these suffixes are returned.

    Raises:
        ValueError: Two names differ only in their suffix.
    """
    entries: list[tuple[str, Path]] = []
    passed_over: Counter[str] = Counter()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        suffix = next((s for s in suffixes if path.name.endswith(s)), None)
        if is_system_file(path.name):
            passed_over[HIDDEN] += 1
        elif suffix is None:
            passed_over[path.suffix.lower()] += 1
        else:
            entries.append((path.name.removesuffix(suffix), path))
    warn_passed_over(folder, passed_over, f"{' or '.join(suffixes)} is read")
    return index_unique(entries, "are one frame twice")


def warn_passed_over(folder: Path, passed_over: Counter[str], why: str) -> None:
    """Log a warning that counts the files passed over in a folder, if there are any."""
    if passed_over.total():
        counts = describe_passed_over(passed_over)
        message = f"{folder}: passed over {counts}; {why}"
        print_log(message, "current", logging.WARNING)


def pairs(
    images: Path, labels: Path, suffixes: Sequence[str] = (".png",)
) -> list[tuple[Path, Path]]:
    """Frames and their labels, matched by the name without suffix.

    Args:
        images: Folder of the frames.
        labels: Folder of the labels, ``.png``.
        suffixes: Suffixes of frames.

    Raises:
        FileNotFoundError: A frame has no label, a label has no frame, or there are no
            frames.
    """
    frames, masks = files_in(images, *suffixes), files_in(labels, ".png")
    if not frames:
        raise FileNotFoundError(
            f"no {' or '.join(suffixes)} file; {describe_contents(images)}"
        )
    for one, other, folder in ((frames, masks, labels), (masks, frames, images)):
        if unmatched := sorted(one.keys() - other.keys()):
            raise FileNotFoundError(
                f"{len(unmatched)} files have no partner of the same name in {folder}, "
                f"the first is {one[unmatched[0]]}: the data set is incomplete"
            )
    return [(image, masks[stem]) for stem, image in frames.items()]


def nominal_starts(recordings: Iterable[str]) -> dict[str, int]:
    """Assumed start times of recordings whose date is unknown.

    The starts are one day apart in the order of the names. Recordings therefore do not
    interleave, and a cut in time passes through few of them.

    Returns:
        Recording -> UNIX time in nanoseconds.
    """
    names = sorted(set(recordings))
    return {name: NOMINAL_START + i * DAY for i, name in enumerate(names)}

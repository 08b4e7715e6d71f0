"""What the converters of published data sets share: looking at folders."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_splashkd.datasets.label_coding import read_gray

NOMINAL_START = 10**9  # UNIX seconds
DAY = 86_400  # seconds
SHOWN = 8  # names in an error


@dataclass(frozen=True)
class LabelFile:
    """A label of a foreign data set: called, it is read; printed, it is the path."""

    path: Path

    def __call__(self) -> np.ndarray:
        """Read it; see ``read_gray``."""
        return read_gray(self.path)

    def __str__(self) -> str:
        return str(self.path)


def expect_folders(folders: Iterable[Path], layout: str) -> None:
    """Refuse a source that lacks a folder.

    Args:
        folders: Those that must exist.
        layout: The expected layout, for the error.

    Raises:
        FileNotFoundError: One is missing; says what stands there instead.
    """
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is no folder; {held(folder)}. {layout}")


def held(folder: Path) -> str:
    """What the nearest folder that exists at or above ``folder`` holds, for errors."""
    while not folder.is_dir():
        folder = folder.parent
    names = sorted(path.name for path in folder.iterdir())
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{folder} holds {', '.join(names[:SHOWN]) or 'nothing'}{more}"


def files_in(folder: Path, *suffixes: str) -> dict[str, Path]:
    """Files with one of the suffixes, by their name without it, in order of names.

    Raises:
        ValueError: Two differ in their suffix alone.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        for suffix in suffixes:
            if path.name.endswith(suffix):
                stem = path.name.removesuffix(suffix)
                if (first := found.setdefault(stem, path)) != path:
                    raise ValueError(f"{first} and {path} are one frame twice")
    return found


def pairs(
    images: Path, labels: Path, suffixes: Sequence[str] = (".png",)
) -> list[tuple[Path, Path]]:
    """Frames and their labels (``.png``), which share the stem.

    Raises:
        FileNotFoundError: A frame has no label, a label has no frame, or there is none.
    """
    frames, masks = files_in(images, *suffixes), files_in(labels, ".png")
    if not frames:
        raise FileNotFoundError(f"no {' or '.join(suffixes)} file; {held(images)}")
    for one, other, folder in ((frames, masks, labels), (masks, frames, images)):
        if lone := sorted(one.keys() - other.keys()):
            raise FileNotFoundError(
                f"{len(lone)} files have no partner of the same name in {folder}, the "
                f"first is {one[lone[0]]}: the copy of the data set is incomplete"
            )
    return [(image, masks[stem]) for stem, image in frames.items()]


def nominal_starts(recordings: Iterable[str]) -> dict[str, int]:
    """UNIX seconds at which recordings of unknown date are taken to begin.

    They are a day apart in the order of their names, so that stacked recordings do not
    interleave and a cut in time cuts few of them.
    """
    names = sorted(set(recordings))
    return {name: NOMINAL_START + i * DAY for i, name in enumerate(names)}

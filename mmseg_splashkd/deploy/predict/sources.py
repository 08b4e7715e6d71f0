"""Pictures to predict: files, and folders with all that lies below them."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_splashkd.datasets.frames import PICTURES
from mmseg_splashkd.datasets.image_file import check_image, read_as_training
from mmseg_splashkd.datasets.listing import describe_passed_over, list_pictures
from mmseg_splashkd.evaluation.frame_files import frame_name

# What OpenCV may read beside the suffixes of training frames; what it cannot is named.
MORE = (".dib", ".jpe", ".jfif", ".jp2", ".ppm", ".pgm", ".pnm", ".gif", ".avif")
SUFFIXES = (*PICTURES, *MORE)


@dataclass(frozen=True)
class Picture:
    """A picture to predict.

    Attributes:
        name: Path below the common folder, with ``/`` and without suffix: a valid name
            on all systems.
        file: The same with its suffix, as it is.
        path: The file.
    """

    name: str
    file: str
    path: Path


@dataclass(frozen=True)
class Pictures:
    """All pictures of some sources.

    Attributes:
        root: The folder that all sources have in common.
        found: At least one picture.
        folders: The sources that are folders.
        passed_over: Files of folders that are no pictures, by suffix.
    """

    root: Path
    found: tuple[Picture, ...]
    folders: tuple[Path, ...]
    passed_over: Counter[str]


def find_pictures(sources: Sequence[str | Path]) -> Pictures:
    """Find the pictures of files and folders, each once.

    Args:
        sources: Pictures, whatever their suffix, and folders, whose pictures at any
            depth are taken.

    Returns:
        The pictures, of each source sorted by path.

    Raises:
        FileNotFoundError: A source does not exist.
        ValueError: There is no picture, or two would have one name.
    """
    passed_over: Counter[str] = Counter()
    paths = [path for each in sources for path in _paths(Path(each), passed_over)]
    if not paths:
        counts = describe_passed_over(passed_over) or "nothing"
        raise ValueError(
            f"no picture in {', '.join(map(str, sources)) or 'an empty list'}, which "
            f"holds {counts}: pictures end with {', '.join(SUFFIXES)}"
        )
    folders = tuple(Path(each) for each in sources if Path(each).is_dir())
    parents = {path.parent for path in map(Path, sources) if not path.is_dir()}
    root = Path(os.path.commonpath([_absolute(each) for each in (*folders, *parents)]))
    unique = {_absolute(path): path for path in paths}
    found = tuple(_picture(path, path_, root) for path, path_ in unique.items())
    _check_names(found)
    return Pictures(root, found, folders, passed_over)


def read_picture(path: Path) -> np.ndarray:
    """Read a picture as in training.

    Args:
        path: The file.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: It is missing or no picture, or a part of it is damaged, of which
            OpenCV only warns.
    """
    check_image(path, "picture")
    return read_as_training(path)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - links keep their names


def _paths(source: Path, passed_over: Counter[str]) -> Iterator[Path]:
    if source.is_dir():
        pictures, others = list_pictures(source, SUFFIXES)
        passed_over.update(others)
        yield from pictures
    elif source.is_file():
        yield source
    else:
        raise FileNotFoundError(f"{source} is neither a picture nor a folder")


def _picture(absolute: Path, path: Path, root: Path) -> Picture:
    below = absolute.relative_to(root)
    name = frame_name(below.parent.as_posix(), str(below))
    return Picture(name, below.as_posix(), path)


def _check_names(pictures: Sequence[Picture]) -> None:
    firsts: dict[str, Path] = {}
    for each in pictures:
        # Some drives do not tell capitals apart.
        first = firsts.setdefault(each.name.casefold(), each.path)
        if first is not each.path:
            raise ValueError(
                f"{first} and {each.path} would both be written to {each.name}.png: "
                f"rename one, or predict them into different folders"
            )

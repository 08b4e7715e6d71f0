"""Fingerprint of a data set: sizes, label values and names, read from its files."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.frames import natural
from mmseg_splashkd.datasets.image_file import open_image
from mmseg_splashkd.datasets.integrity import image_size
from mmseg_splashkd.datasets.label_coding import read_gray
from mmseg_splashkd.datasets.pairs import Pair
from mmseg_splashkd.datasets.parallel import map_frames

THUMBNAIL = (32, 24)  # width, height
COMPARED = 60  # consecutive pictures that are compared, at most
ALIKE = 0.5  # ratio of the difference of neighbours to that of other pictures


@dataclass(frozen=True)
class Fingerprint:
    """What the files of a data set hold.

    Args:
        frames: Number of pictures.
        labelled: Number of pictures with a mask.
        recordings: Recording -> number of its pictures.
        suffixes: Suffix of pictures -> their number.
        sizes: (width, height) in pixels -> number of pictures.
        pixels: Value of the masks -> number of pixels, in order of the value.
        faults: Sentences about files that cannot be used, each with a path.
    """

    frames: int
    labelled: int
    recordings: dict[str, int]
    suffixes: dict[str, int]
    sizes: dict[tuple[int, int], int]
    pixels: dict[int, int]
    faults: tuple[str, ...]

    @property
    def median_size(self) -> tuple[float, float]:
        """Median width and median height in pixels."""
        sides = np.repeat([*self.sizes], [*self.sizes.values()], axis=0)
        width, height = np.median(sides, axis=0).tolist()
        return width, height

    def share(self, values: Sequence[int], ignored: Sequence[int] = ()) -> float:
        """Share of the labelled pixels that have one of the values, in [0, 1]."""
        valid = sum(n for value, n in self.pixels.items() if value not in ignored)
        return sum(self.pixels.get(value, 0) for value in values) / max(valid, 1)


class _Read(NamedTuple):
    size: tuple[int, int] | None
    values: dict[int, int]
    fault: str


def fingerprint(pairs: Sequence[Pair], progress: bool = True) -> Fingerprint:
    """Read the sizes of all pictures and the values of all masks.

    Args:
        pairs: At least one picture.
        progress: Show a progress bar; default True.
    """
    read = map_frames(_read, pairs, "Reading pictures and masks", progress)
    pixels: Counter[int] = Counter()
    for one in read:
        pixels.update(one.values)
    return Fingerprint(
        frames=len(pairs),
        labelled=sum(pair.mask is not None for pair in pairs),
        recordings=dict(Counter(pair.recording for pair in pairs)),
        suffixes=dict(Counter(pair.image.suffix.lower() for pair in pairs)),
        sizes=dict(Counter(one.size for one in read if one.size).most_common()),
        pixels=dict(sorted(pixels.items())),
        faults=tuple(one.fault for one in read if one.fault),
    )


def _read(pair: Pair) -> _Read:
    try:
        size = image_size(pair.image)
        gray = read_gray(pair.mask) if pair.mask else None
    except ValueError as error:
        return _Read(None, {}, str(error))
    if gray is None:
        return _Read(size, {}, "")
    if gray.ndim != 2:
        return _Read(size, {}, f"mask {pair.mask} is a colour picture, not gray")
    if gray.shape != size[::-1]:
        shape = f"{gray.shape[1]}x{gray.shape[0]}"
        return _Read(
            size, {}, f"mask {pair.mask} is {shape}, its picture {size[0]}x{size[1]}"
        )
    counts = np.bincount(gray.ravel())
    values = np.flatnonzero(counts)
    return _Read(size, {int(value): int(counts[value]) for value in values}, "")


def numbered(pairs: Sequence[Pair]) -> bool:
    """Whether the names of all pictures are numbers, perhaps with one text in front."""
    forms = {re.fullmatch(r"(\D*)\d{1,9}", pair.image.stem) for pair in pairs}
    return None not in forms and len({form[1] for form in forms if form}) == 1


def looks_like_video(pairs: Sequence[Pair]) -> bool:
    """Whether pictures that follow each other by name are alike, as in a video.

    Compares gray thumbnails of up to 60 pictures: consecutive ones of a recording
    differ by less than half of what others of the recording do. Recordings of fewer
    than four pictures are not judged.
    """
    recordings: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        recordings[pair.recording].append(pair)
    largest = max(recordings.values(), key=len)
    if len(largest) < 4:
        return False
    ordered = sorted(largest, key=lambda pair: natural(pair.image.stem))[:COMPARED]
    thumbnails = np.stack(map_frames(_thumbnail, ordered, "Comparing", progress=False))
    apart = np.abs(thumbnails[:, None] - thumbnails[None]).mean((2, 3))
    neighbours = np.diagonal(apart, 1)
    others = apart[np.triu_indices(len(ordered), 2)]
    return bool(np.median(neighbours) < ALIKE * np.median(others))


def _thumbnail(pair: Pair) -> np.ndarray:
    with open_image(pair.image, "picture") as picture:
        return np.asarray(
            picture.convert("L").resize(THUMBNAIL, Image.Resampling.BOX), float
        )

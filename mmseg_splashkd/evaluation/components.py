"""Connected areas of a mask."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy import ndimage

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Area:
    """A set of pixels of a frame.

    Attributes:
        box: (left, top, right, bottom) in pixels; right and bottom are exclusive.
        area: Number of its pixels.
        centroid: (x, y), the mean of the columns and rows of its pixels.
    """

    box: Box
    area: int
    centroid: tuple[float, float]


def connected(mask: np.ndarray) -> np.ndarray:
    """Number the 8-connected areas of a mask.

    Args:
        mask: (H, W) bool.

    Returns:
        (H, W) integers: the area of each pixel, from 1, in reading order of their first
        pixels; 0 outside.
    """
    labelled = ndimage.label(mask, structure=np.ones((3, 3)))
    return cast("tuple[np.ndarray, int]", labelled)[0]


def areas_of(numbered: np.ndarray) -> list[Area]:
    """Measure numbered areas.

    Args:
        numbered: (H, W) integers, as of ``connected``.

    Returns:
        The areas by their numbers, from 1.
    """
    rows, columns = np.nonzero(numbered)
    numbers = numbered[rows, columns]
    counts = np.bincount(numbers)
    sums = [np.bincount(numbers, weight) for weight in (columns, rows)]
    found = []
    for number, (down, across) in enumerate(ndimage.find_objects(numbered), 1):
        x, y = (float(each[number] / counts[number]) for each in sums)
        box = (across.start, down.start, across.stop, down.stop)
        found.append(Area(box, int(counts[number]), (x, y)))
    return found

"""Blobs of one frame that are one splash."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from mmseg_splashkd.evaluation.components import Area
from mmseg_splashkd.evaluation.following.settings import FollowSettings

MOST = 200  # splashes of a frame that are followed: more than that are noise
CHUNK = 2**22  # pairs of boxes that are compared at once


class Grouping(NamedTuple):
    """The splashes of a frame.

    Attributes:
        splashes: G splashes, in the order of their first blobs.
        of: The index of the splash of each blob; None: it is not followed.
        small: Number of blobs in splashes below ``min_area``.
        surplus: Number of blobs in splashes beyond the ``MOST`` largest.
    """

    splashes: list[Area]
    of: list[int | None]
    small: int
    surplus: int


def group_blobs(blobs: Sequence[Area], settings: FollowSettings) -> Grouping:
    """Join blobs to splashes, and leave out those that are not followed.

    Only boxes, areas and centroids decide, so that a table of blobs gives the same
    splashes as the masks.

    Args:
        blobs: B blobs of a frame.
        settings: ``join`` and ``min_area``.
    """
    numbers = _numbers(_boxes(blobs), settings.join)
    members: dict[int, list[int]] = {}
    for index, number in enumerate(numbers.tolist()):
        members.setdefault(number, []).append(index)
    groups = [(joined([blobs[i] for i in each]), each) for each in members.values()]
    large = [group for group in groups if group[0].area >= settings.min_area]
    order = sorted(range(len(large)), key=lambda i: (-large[i][0].area, i))
    kept = [large[i] for i in sorted(order[:MOST])]
    of: list[int | None] = [None] * len(blobs)
    for number, (_, indices) in enumerate(kept):
        for index in indices:
            of[index] = number
    surplus = sum(len(large[i][1]) for i in order[MOST:])
    small = of.count(None) - surplus
    return Grouping([splash for splash, _ in kept], of, small, surplus)


def joined(blobs: Sequence[Area]) -> Area:
    """The area of several blobs.

    Args:
        blobs: At least one.
    """
    boxes = _boxes(blobs)
    area = sum(blob.area for blob in blobs)
    left, top = boxes[:, :2].min(0).tolist()
    right, bottom = boxes[:, 2:].max(0).tolist()
    x, y = (
        sum(blob.area * blob.centroid[axis] for blob in blobs) / area for axis in (0, 1)
    )
    return Area((left, top, right, bottom), area, (x, y))


def _boxes(blobs: Sequence[Area]) -> np.ndarray:
    return np.array([blob.box for blob in blobs], np.int64).reshape(-1, 4)


def _numbers(boxes: np.ndarray, join: int | None) -> np.ndarray:
    """(B,) number of the group of each box."""
    count = len(boxes)
    if join is None or count < 2:
        return np.arange(count)
    rows, columns = [], []
    for part in np.array_split(np.arange(count), 1 + count * count // CHUNK):
        near = np.ones((len(part), count), bool)
        for low, high in ((0, 2), (1, 3)):
            gap = boxes[part, None, low] - boxes[None, :, high]
            near &= gap <= join
            gap = boxes[None, :, low] - boxes[part, None, high]
            near &= gap <= join
        row, column = np.nonzero(near)
        rows.append(part[row])
        columns.append(column)
    row, column = np.concatenate(rows), np.concatenate(columns)
    links = csr_array((np.ones(len(row), bool), (row, column)), (count, count))
    return connected_components(links, directed=False)[1]

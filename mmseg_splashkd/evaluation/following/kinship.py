"""Splashes that become one, and splashes that fall apart: who keeps the id."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mmseg_splashkd.evaluation.components import Area, Box

WITHIN = 0.5  # of a box that lies in another one: then the two are kin


class Merges(NamedTuple):
    """What becomes of tracks that a frame does not continue.

    Attributes:
        ids: The id of each splash; None: a new one.
        merged: Id of each track that ends -> index of the splash that it is part of.
    """

    ids: list[int | None]
    merged: dict[int, int]


class Splits(NamedTuple):
    """What becomes of splashes that are pieces of one.

    Attributes:
        ids: The id of each splash; None: a new one.
        parents: Index of each new piece -> id of the track that it comes from.
    """

    ids: list[int | None]
    parents: dict[int, int]


def common(first: Box, second: Box) -> int:
    """Number of pixels that two boxes share."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return max(width, 0) * max(height, 0)


def size(box: Box) -> int:
    """Number of pixels of a box."""
    return (box[2] - box[0]) * (box[3] - box[1])


def merge(
    before: Mapping[int, Area], now: Sequence[Box], ids: Sequence[int | None]
) -> Merges:
    """Settle the tracks that are not continued, though a splash lies on them.

    A track of the frame before that has no splash in this one is **kin** to the splash
    that shares the most pixels with its box, if that is at least half of it. Of all kin
    of a splash, and the track that it was found to continue, the one with the largest
    area in the frame before keeps its id, of equal ones the older (the lower id). The
    others end, merged into it.

    Args:
        before: Id -> area of each track in the frame before.
        now: Boxes of the splashes.
        ids: Id of the track that each was found to continue; None: none.
    """
    kin: dict[int, list[int]] = {}
    for track in sorted(set(before) - set(ids)):
        box = before[track].box
        shared = [common(box, each) for each in now]
        most = max(shared, default=0)
        if most and most >= WITHIN * size(box):
            kin.setdefault(shared.index(most), []).append(track)
    kept, merged = list(ids), {}
    for index, tracks in kin.items():
        found = ids[index]
        tracks = [*tracks, *([] if found is None else [found])]
        # One that was missing in the frame before has no area there.
        areas = {each: before[each].area if each in before else 0 for each in tracks}
        kept[index] = min(tracks, key=lambda each: (-areas[each], each))
        merged |= {each: index for each in tracks if each != kept[index]}
    return Merges(kept, merged)


def split(
    before: Mapping[int, Area], now: Sequence[Box], ids: Sequence[int | None]
) -> Splits:
    """Find the pieces of tracks that fell apart.

    A new splash is a **piece** of the track whose box in the frame before shares the
    most pixels with its own, if that is at least half of its own, and if another splash
    continues that track. Of all pieces the one that shares the most pixels with the
    track keeps the id; of equal ones, the one that was found to continue it.

    Args:
        before: Id -> area of each track in the frame before.
        now: Boxes of the splashes.
        ids: Id of the track that each continues; None: it is new.
    """
    pieces: dict[int, list[int]] = {}
    for index in (i for i, each in enumerate(ids) if each is None):
        shared = {track: common(area.box, now[index]) for track, area in before.items()}
        # Only tracks that go on can have fallen apart.
        shared = {track: shared[track] for track in sorted(shared) if track in ids}
        most = max(shared.values(), default=0)
        if most and most >= WITHIN * size(now[index]):
            pieces.setdefault(max(shared, key=shared.__getitem__), []).append(index)
    kept, parents = list(ids), {}
    for track, indices in pieces.items():
        every = [ids.index(track), *indices]
        best = max(every, key=lambda i: common(before[track].box, now[i]))
        for index in every:
            kept[index] = track if index == best else None
        parents |= {index: track for index in every if index != best}
    return Splits(kept, parents)

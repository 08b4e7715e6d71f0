"""Strategies that put every frame into train, val, test or the embargo between them.

Neighbouring frames of a video are near-duplicates: a random split lets the test part be
seen in training. So frames are ordered by time and cut once.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.split_table import EMBARGO, SPLITS, clear
from mmseg_splashkd.datasets.splits.embargo import NONE, Embargo, keep_apart

RATIOS = (0.7, 0.2, 0.1)


def split_by_time(
    frames: Iterable[Frame],
    ratios: Sequence[float] = RATIOS,
    embargo: Embargo = NONE,
) -> list[Frame]:
    """Cut all recordings, as one time line, into train, val and test, oldest first.

    Args:
        frames: In any order; what an earlier split said of them is forgotten.
        ratios: Shares of train, val and test; they sum to 1. The embargo is taken out
            of these shares.
        embargo: How far apart the parts are; taken from the older of two.

    Returns:
        The frames in the order of time, each with its part. A part of too few frames
        is empty: ``check_not_empty`` refuses that.

    Raises:
        ValueError: ``ratios`` are no three shares that sum to 1, or two frames of one
            recording have the same time stamp.
    """
    return keep_apart(_cut(in_time_order(frames), ratios), embargo)


def split_per_recording(
    frames: Iterable[Frame],
    ratios: Sequence[float] = RATIOS,
    embargo: Embargo = NONE,
) -> list[Frame]:
    """Cut each recording by itself, so that every part sees every camera and day.

    An embargo in frames counts within a recording. One in seconds counts over all: of
    two cameras at once, one's training frames keep away from the other's test.

    Args:
        frames: In any order; what an earlier split said of them is forgotten.
        ratios: Shares of train, val and test; they sum to 1.
        embargo: How far apart the parts are; train gives way to val, both to test.

    Returns:
        The frames in the order of time, each with its part, as ``split_by_time``.

    Raises:
        ValueError: As ``split_by_time``.
    """
    recordings: dict[str, list[Frame]] = {}
    for frame in in_time_order(frames):
        recordings.setdefault(frame.recording, []).append(frame)
    cut = [frame for own in recordings.values() for frame in _cut(own, ratios)]
    return keep_apart(cut, embargo, stacked=False)


def _cut(ordered: Sequence[Frame], ratios: Sequence[float]) -> list[Frame]:
    if (
        len(ratios) != len(SPLITS)
        or min(ratios) < 0
        or not math.isclose(sum(ratios), 1)
    ):
        raise ValueError(
            f"ratios must be three shares (train, val, test) that sum to 1, got "
            f"{tuple(ratios)} with sum {sum(ratios):g}"
        )
    first = round(len(ordered) * ratios[0])
    second = round(len(ordered) * (ratios[0] + ratios[1]))
    parts = ["train"] * first + ["val"] * (second - first)
    parts += ["test"] * (len(ordered) - second)
    named = zip(ordered, parts, strict=True)
    return [replace(clear(frame), split=part) for frame, part in named]


def split_by_list(
    frames: Iterable[Frame],
    lists: Mapping[str, Iterable[str]],
    embargo: Embargo = NONE,
    unlisted: str = "error",
) -> list[Frame]:
    """Put frames where given lists say.

    Args:
        frames: In any order; what an earlier split said of them is forgotten.
        lists: Part -> names of its frames: the stem or file name, with as many folders
            before it as tell it apart, such as ``cam1/1714521600-000000000``.
        embargo: As in ``split_by_time``, where lists were made without one.
        unlisted: What a frame in no list is: an ``'error'``, or in ``'embargo'``.

    Returns:
        The frames in the order of time, each with its part.

    Raises:
        ValueError: A part is unknown, a name fits no frame or several, a frame is in
            two lists, or in none.
    """
    if unlisted not in ("error", EMBARGO):
        raise ValueError(f"unlisted={unlisted!r} must be 'error' or {EMBARGO!r}")
    ordered = in_time_order(frames)
    known = _names(ordered)
    parts: dict[int, str] = {}
    for part, names in lists.items():
        if part not in (*SPLITS, EMBARGO):
            raise ValueError(f"list of {part!r}: parts are {(*SPLITS, EMBARGO)}")
        for name in names:
            i = _find(name, known, ordered, part)
            if parts.setdefault(i, part) != part:
                raise ValueError(
                    f"{ordered[i].image} is listed both in {parts[i]!r} and in {part!r}"
                )
    left = [frame.image for i, frame in enumerate(ordered) if i not in parts]
    if left and unlisted == "error":
        raise ValueError(
            f"{len(left)} frames are in no list, the first is {left[0]}: list them, or "
            f"leave them out with unlisted='embargo'"
        )
    split = [
        replace(clear(frame), split=parts.get(i, EMBARGO))
        for i, frame in enumerate(ordered)
    ]
    return keep_apart(split, embargo)


def _names(ordered: Sequence[Frame]) -> dict[str, list[int]]:
    """Every name a list may use -> the frames it fits."""
    known: dict[str, list[int]] = {}
    for i, frame in enumerate(ordered):
        words = frame.image.split("/")
        for start in range(len(words)):
            path = "/".join(words[start:])
            stem = path[: -len(words[-1])] + words[-1].rpartition(".")[0]
            for name in {path, stem}:
                known.setdefault(name, []).append(i)
    return known


def _find(
    name: str, known: Mapping[str, list[int]], ordered: Sequence[Frame], part: str
) -> int:
    found = known.get(name.replace("\\", "/").removeprefix("./"), [])
    if not found:
        raise ValueError(f"list of {part!r}: there is no frame {name!r}")
    if len(found) > 1:
        raise ValueError(
            f"list of {part!r}: {name!r} may be {ordered[found[0]].image} or "
            f"{ordered[found[1]].image}: write the folder before it"
        )
    return found[0]


def hold_out(
    frames: Iterable[Frame],
    share: float = 0.0,
    embargo: Embargo = NONE,
    whole_recordings: bool = False,
) -> list[Frame]:
    """Set the test part aside, before the rest is folded.

    Args:
        frames: In any order. Rows with the split ``'test'`` stay in it, what an earlier
            split said of others is forgotten.
        share: The newest share of frames becomes the test part, in [0, 1); 0 where it
            is given already, or where none is wanted.
        embargo: How far all others are from the test part.
        whole_recordings: Take recordings whole, the ones that end last, until they
            hold the share.

    Returns:
        The frames in the order of time, split ``'train'``, ``'test'`` or ``'embargo'``.

    Raises:
        ValueError: ``share`` is out of its range, gives no frame or leaves none, or
            the frames have a test part already.
    """
    ordered = in_time_order(frames)
    tests = {i for i, frame in enumerate(ordered) if frame.split == "test"}
    if not 0 <= share < 1:
        raise ValueError(f"test share {share} must lie in [0, 1)")
    if share and tests:
        raise ValueError(
            f"{len(tests)} frames have the split 'test' already, and it is kept: give "
            f"no test share, or empty that column"
        )
    if share:
        wanted = round(share * len(ordered))
        newest = _newest_recordings if whole_recordings else _newest
        tests = newest(ordered, wanted)
        if not 0 < len(tests) < len(ordered):
            raise ValueError(
                f"test share {share} of {len(ordered)} frames holds out {len(tests)} "
                f"and leaves {len(ordered) - len(tests)}: both need at least one"
            )
    split = [
        replace(clear(frame), split="test" if i in tests else "train")
        for i, frame in enumerate(ordered)
    ]
    return keep_apart(split, embargo)


def _newest(ordered: Sequence[Frame], wanted: int) -> set[int]:
    return set(range(len(ordered) - wanted, len(ordered)))


def _newest_recordings(ordered: Sequence[Frame], wanted: int) -> set[int]:
    newest = list(dict.fromkeys(frame.recording for frame in ordered[::-1]))
    tests: set[int] = set()
    while len(tests) < wanted:
        recording = newest.pop(0)
        tests |= {i for i, f in enumerate(ordered) if f.recording == recording}
    return tests


def check_not_empty(frames: Iterable[Frame], wanted: Iterable[str] = SPLITS) -> None:
    """Refuse a split with an empty part.

    Raises:
        ValueError: One of the wanted parts has no frame; the message counts all.
    """
    counts = Counter(frame.split for frame in frames)
    empty = [part for part in wanted if not counts[part]]
    if empty:
        listed = ", ".join(f"{part} {counts[part]}" for part in (*SPLITS, EMBARGO))
        raise ValueError(
            f"no frame is left for {' and '.join(empty)} ({listed}): take more frames, "
            f"a smaller embargo or other ratios (0 means no such part)"
        )

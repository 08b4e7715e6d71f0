"""Split strategies that assign every frame to train, val, test or the embargo.

Neighbouring frames of a video are near-duplicates, so a random split puts copies of
training frames into the test part. These strategies order frames by time and cut once.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mmseg_splashkd.datasets.frames import Frame, in_time_order, require_time
from mmseg_splashkd.datasets.split_table import EMBARGO, SPLITS, without_split
from mmseg_splashkd.datasets.splits.embargo import NO_EMBARGO, Embargo, keep_apart
from mmseg_splashkd.datasets.splits.groups import groups_of, shuffled_groups

RATIOS = (0.7, 0.2, 0.1)


def split_by_time(
    frames: Iterable[Frame],
    ratios: Sequence[float] = RATIOS,
    embargo: Embargo = NO_EMBARGO,
) -> list[Frame]:
    """Cut all recordings, as one time line, into train, val and test, oldest first.

    Args:
        frames: Frames in any order; an earlier split of them is ignored.
        ratios: Shares of train, val and test, each in [0, 1], with sum 1. Frames of
            the embargo come out of these shares.
        embargo: Minimum distance between parts; the older of two parts loses frames.

    Returns:
        The frames in time order, each with its part. A part may be empty if there are
        few frames; ``check_not_empty`` refuses that.

    Raises:
        ValueError: ``ratios`` are not three shares with sum 1, two frames of one
            recording have the same time stamp, or a frame has none.
    """
    ordered = in_time_order(frames)
    require_time(ordered, "a split along time")
    return keep_apart(_cut(ordered, ratios), embargo)


def split_per_recording(
    frames: Iterable[Frame],
    ratios: Sequence[float] = RATIOS,
    embargo: Embargo = NO_EMBARGO,
) -> list[Frame]:
    """Cut each recording on its own, so that every part has every camera and day.

    An embargo in frames counts within a recording. An embargo in seconds counts across
    recordings: with two cameras at once, training frames of one keep a distance from
    test frames of the other.

    Args:
        frames: Frames in any order; an earlier split of them is ignored.
        ratios: Shares of train, val and test, each in [0, 1], with sum 1.
        embargo: Minimum distance between parts; train loses frames to val, and both
            lose frames to test.

    Returns:
        The frames in time order, each with its part, as ``split_by_time``.

    Raises:
        ValueError: For the reasons listed in ``split_by_time``.
    """
    recordings: dict[str, list[Frame]] = {}
    ordered = in_time_order(frames)
    require_time(ordered, "a split along time")
    for frame in ordered:
        recordings.setdefault(frame.recording, []).append(frame)
    split = [frame for own in recordings.values() for frame in _cut(own, ratios)]
    return keep_apart(split, embargo, stacked=False)


def _cut(ordered: Sequence[Frame], ratios: Sequence[float]) -> list[Frame]:
    check_ratios(ratios)
    first = round(len(ordered) * ratios[0])
    second = round(len(ordered) * (ratios[0] + ratios[1]))
    parts = ["train"] * first + ["val"] * (second - first)
    parts += ["test"] * (len(ordered) - second)
    return [
        replace(without_split(frame), split=part)
        for frame, part in zip(ordered, parts, strict=True)
    ]


def check_ratios(ratios: Sequence[float]) -> None:
    """Refuse ratios that are not three shares of train, val and test with sum 1.

    Raises:
        ValueError: For this reason.
    """
    if (
        len(ratios) != len(SPLITS)
        or min(ratios) < 0
        or not math.isclose(sum(ratios), 1)
    ):
        raise ValueError(
            f"ratios must be three shares (train, val, test) that sum to 1, got "
            f"{tuple(ratios)} with sum {sum(ratios):g}"
        )


def split_by_list(
    frames: Iterable[Frame],
    lists: Mapping[str, Iterable[str]],
    embargo: Embargo = NO_EMBARGO,
    unlisted: str = "error",
) -> list[Frame]:
    """Assign frames to parts by given lists of names.

    Args:
        frames: Frames in any order; an earlier split of them is ignored.
        lists: Part -> names of its frames. A name is the stem or the file name, with as
            many folders in front as make it unique, such as
            ``cam1/1714521600-000000000``.
        embargo: Minimum distance between parts, for lists made without one; as in
            ``split_by_time``.
        unlisted: Treatment of frames in no list: ``'error'`` refuses them,
            ``'embargo'`` leaves them out.

    Returns:
        The frames in time order, each with its part.

    Raises:
        ValueError: A part is unknown, a name matches no frame or several, a frame is
            in two lists, or in none.
    """
    if unlisted not in ("error", EMBARGO):
        raise ValueError(f"unlisted={unlisted!r} must be 'error' or {EMBARGO!r}")
    ordered = in_time_order(frames)
    indices = _indices_by_name(ordered)
    parts: dict[int, str] = {}
    for part, names in lists.items():
        if part not in (*SPLITS, EMBARGO):
            raise ValueError(f"list of {part!r}: parts are {(*SPLITS, EMBARGO)}")
        for name in names:
            i = _find(name, indices, ordered, part)
            if parts.setdefault(i, part) != part:
                raise ValueError(
                    f"{ordered[i].image} is listed both in {parts[i]!r} and in {part!r}"
                )
    missing = [frame.image for i, frame in enumerate(ordered) if i not in parts]
    if missing and unlisted == "error":
        raise ValueError(
            f"{len(missing)} frames are in no list, the first is {missing[0]}: list "
            f"them, or leave them out with unlisted='embargo'"
        )
    split = [
        replace(without_split(frame), split=parts.get(i, EMBARGO))
        for i, frame in enumerate(ordered)
    ]
    return keep_apart(split, embargo)


def _indices_by_name(ordered: Sequence[Frame]) -> dict[str, list[int]]:
    """Every name that a list may use -> indices of the frames it matches."""
    indices: dict[str, list[int]] = {}
    for i, frame in enumerate(ordered):
        components = frame.image.split("/")
        for start in range(len(components)):
            path = "/".join(components[start:])
            stem = path[: -len(components[-1])] + components[-1].rpartition(".")[0]
            for name in {path, stem}:
                indices.setdefault(name, []).append(i)
    return indices


def _find(
    name: str, indices: Mapping[str, list[int]], ordered: Sequence[Frame], part: str
) -> int:
    matches = indices.get(name.replace("\\", "/").removeprefix("./"), [])
    if not matches:
        raise ValueError(f"list of {part!r}: there is no frame {name!r}")
    if len(matches) > 1:
        raise ValueError(
            f"list of {part!r}: {name!r} may be {ordered[matches[0]].image} or "
            f"{ordered[matches[1]].image}: write the folder before it"
        )
    return matches[0]


def hold_out(
    frames: Iterable[Frame],
    share: float = 0.0,
    embargo: Embargo = NO_EMBARGO,
    whole_recordings: bool = False,
    seed: int | None = None,
    group: str | None = None,
) -> list[Frame]:
    """Set the test part aside before cross-validation.

    Args:
        frames: Frames in any order. Frames with the split ``'test'`` keep it; any other
            earlier split is ignored.
        share: Share of frames, the newest ones unless ``seed`` is given, for the test
            part, in [0, 1); 0 if the frames already have a test part or need none.
        embargo: Minimum distance of all other frames from the test part.
        whole_recordings: Take whole recordings, those that end last, until they hold
            the share.
        seed: Take frames, or recordings, at random with this seed, as frames without
            time need; default None: the newest.
        group: With ``whole_recordings`` and ``seed``, regular expression of groups to
            take instead of recordings; see ``groups_of``.

    Returns:
        The frames in time order with the split ``'train'``, ``'test'`` or
        ``'embargo'``.

    Raises:
        ValueError: ``share`` is out of its range, selects no frame or all, or the
            frames have a test part already.
    """
    ordered = in_time_order(frames)
    if share and seed is None:
        require_time(ordered, "a test part of the newest frames")
    tests = {i for i, frame in enumerate(ordered) if frame.split == "test"}
    if not 0 <= share < 1:
        raise ValueError(f"test share {share} must lie in [0, 1)")
    if share and tests:
        raise ValueError(
            f"{len(tests)} frames have the split 'test' already, and it is kept: give "
            f"no test share, or empty that column"
        )
    if share:
        count = round(share * len(ordered))
        if seed is not None:
            groups = groups_of(ordered, group) if whole_recordings else None
            tests = _at_random(shuffled_groups(groups, len(ordered), seed), count)
        else:
            newest = _newest_recordings if whole_recordings else _newest
            tests = newest(ordered, count)
        if not 0 < len(tests) < len(ordered):
            raise ValueError(
                f"test share {share} of {len(ordered)} frames holds out {len(tests)} "
                f"and leaves {len(ordered) - len(tests)}: both need at least one"
            )
    split = [
        replace(without_split(frame), split="test" if i in tests else "train")
        for i, frame in enumerate(ordered)
    ]
    return keep_apart(split, embargo)


def _at_random(shuffled: list[list[int]], count: int) -> set[int]:
    tests: set[int] = set()
    while len(tests) < count:
        tests.update(shuffled.pop())
    return tests


def _newest(ordered: Sequence[Frame], count: int) -> set[int]:
    return set(range(len(ordered) - count, len(ordered)))


def _newest_recordings(ordered: Sequence[Frame], count: int) -> set[int]:
    newest = list(dict.fromkeys(frame.recording for frame in ordered[::-1]))
    tests: set[int] = set()
    while len(tests) < count:
        recording = newest.pop(0)
        tests |= {i for i, f in enumerate(ordered) if f.recording == recording}
    return tests


def check_not_empty(frames: Iterable[Frame], required: Iterable[str] = SPLITS) -> None:
    """Refuse a split with an empty part.

    Args:
        frames: Frames with their parts.
        required: Parts that must have a frame; default train, val and test.

    Raises:
        ValueError: A required part has no frame; the message counts all parts.
    """
    counts = Counter(frame.split for frame in frames)
    empty = [part for part in required if not counts[part]]
    if empty:
        listed = ", ".join(f"{part} {counts[part]}" for part in (*SPLITS, EMBARGO))
        raise ValueError(
            f"no frame is left for {' and '.join(empty)} ({listed}): take more frames, "
            f"a smaller embargo or other ratios (0 means no such part)"
        )

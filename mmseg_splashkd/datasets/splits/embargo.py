"""Embargo: frames left out between parts, because neighbours are near-duplicates."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from mmseg_splashkd.datasets.duration import FramesOrSeconds
from mmseg_splashkd.datasets.frames import Frame, in_time_order, require_time
from mmseg_splashkd.datasets.split_table import EMBARGO
from mmseg_splashkd.datasets.timestamps import SECOND

# Part that loses frames -> parts that keep theirs.
PRECEDENCE = (("val", ("test",)), ("train", ("val", "test")))
Position = tuple[str, int]  # time line, coordinate on it


@dataclass(frozen=True)
class Embargo(FramesOrSeconds):
    """Minimum distance in time between frames of two parts.

    Args:
        frames: Minimum number of frames between them, at least 0.
        seconds: Time in seconds, at least 0; frames of two parts are further apart than
            this, in one or several recordings.

    Raises:
        ValueError: A value is negative, NaN or infinite.
    """

    argument: ClassVar[str] = "embargo"

    frames: int = 0


NO_EMBARGO = Embargo()


def too_near(
    ordered: Sequence[Frame],
    others: Collection[int],
    embargo: Embargo,
    stacked: bool = True,
) -> set[int]:
    """Find the frames within the embargo of some other frames.

    Args:
        ordered: All frames in time order.
        others: Indices of the frames to keep a distance from.
        embargo: The minimum distance.
        stacked: Whether ``embargo.frames`` also counts along the common time line of
            all recordings; False counts within each recording only. Seconds always
            count across recordings.

    Returns:
        Indices of the frames within the embargo of ``others``, excluding ``others``.

    Raises:
        ValueError: There is an embargo, and a frame has no time.
    """
    if embargo == NO_EMBARGO:
        return set()
    require_time(ordered, f"embargo {embargo}")
    near: set[int] = set()
    for reach, positions in _time_lines(ordered, embargo, stacked):
        occupied = sorted(positions[i] for i in others)
        near.update(
            i
            for i, position in enumerate(positions)
            if _is_within(occupied, position, reach)
        )
    return near.difference(others)


def _time_lines(
    ordered: Sequence[Frame], embargo: Embargo, stacked: bool
) -> Iterable[tuple[int, list[Position]]]:
    """Reach of the embargo and the position of each frame, per kind of time line."""
    if embargo.seconds:
        yield round(embargo.seconds * SECOND), [("", f.timestamp) for f in ordered]
    if embargo.frames:
        counts: Counter[str] = Counter()
        positions = []
        for frame in ordered:
            positions.append((frame.recording, counts[frame.recording]))
            counts[frame.recording] += 1
        yield embargo.frames, positions
        if stacked:
            yield embargo.frames, [("", i) for i in range(len(ordered))]


def _is_within(occupied: list[Position], position: Position, reach: int) -> bool:
    line, coordinate = position
    first = bisect_left(occupied, (line, coordinate - reach))
    return first < len(occupied) and occupied[first] <= (line, coordinate + reach)


def keep_apart(
    frames: Iterable[Frame], embargo: Embargo, stacked: bool = True
) -> list[Frame]:
    """Leave out frames within the embargo of another part.

    The part with more frames loses them: ``train`` to ``val`` and ``test``, ``val`` to
    ``test``. ``test`` loses none.

    Args:
        frames: Frames with their parts, in any order.
        embargo: Minimum distance between parts.
        stacked: Whether an embargo in frames also counts along the common time line of
            all recordings; see ``too_near``.

    Returns:
        All frames in time order; those left out have the split ``'embargo'``.
    """
    ordered = in_time_order(frames)
    for part, kept in PRECEDENCE:
        others = [i for i, frame in enumerate(ordered) if frame.split in kept]
        for i in too_near(ordered, others, embargo, stacked):
            if ordered[i].split == part:
                ordered[i] = replace(ordered[i], split=EMBARGO)
    return ordered

"""The embargo: frames left out between parts, so that near-duplicates do not cross."""

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.split_table import EMBARGO
from mmseg_splashkd.datasets.timestamps import SECOND

RARER = (("val", ("test",)), ("train", ("val", "test")))  # the right side is kept
Place = tuple[str, int]  # a line, and where on it


@dataclass(frozen=True)
class Embargo:
    """How far apart frames of two parts are.

    Args:
        frames: At least so many frames lie between them.
        seconds: They are more than so many seconds apart, whatever their recordings.

    Raises:
        ValueError: One is negative or no number.
    """

    frames: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        for name in ("frames", "seconds"):
            value = getattr(self, name)
            if not (value >= 0 and math.isfinite(value)):
                raise ValueError(f"embargo {name}={value} must be 0 or more")

    @classmethod
    def parse(cls, text: str) -> "Embargo":
        """Read ``'5'`` (frames) or ``'30s'`` (seconds).

        Raises:
            ValueError: It is neither.
        """
        if re.fullmatch(r"\d+", text, re.ASCII):
            return cls(frames=int(text))
        if re.fullmatch(r"\d+(\.\d+)?s", text, re.ASCII):
            return cls(seconds=float(text[:-1]))
        raise ValueError(f"embargo {text!r} is neither frames (5) nor seconds (30s)")

    def __str__(self) -> str:
        given = [(self.frames, f"{self.frames} frames"), (self.seconds, self._time)]
        return " and ".join(text for value, text in given if value) or "none"

    @property
    def _time(self) -> str:
        return f"{self.seconds:g} s"


NONE = Embargo()


def too_near(
    ordered: Sequence[Frame],
    others: Collection[int],
    embargo: Embargo,
    stacked: bool = True,
) -> set[int]:
    """Find frames that an embargo keeps apart from some others.

    Args:
        ordered: All frames, in time order.
        others: Indices of the frames to stay away from.
        embargo: How far.
        stacked: Count frames along the one time line of all recordings too; else
            within each recording alone. Seconds are always counted over all.

    Returns:
        Indices of the frames too near to ``others``, without these.
    """
    near: set[int] = set()
    for reach, places in _lines(ordered, embargo, stacked):
        taken = sorted(places[i] for i in others)
        near.update(i for i, at in enumerate(places) if _reaches(taken, at, reach))
    return near.difference(others)


def _lines(
    ordered: Sequence[Frame], embargo: Embargo, stacked: bool
) -> Iterable[tuple[int, list[Place]]]:
    """How far the embargo reaches, and where each frame stands, on every line."""
    if embargo.seconds:
        yield round(embargo.seconds * SECOND), [("", f.timestamp) for f in ordered]
    if embargo.frames:
        seen: Counter[str] = Counter()
        places = []
        for frame in ordered:
            places.append((frame.recording, seen[frame.recording]))
            seen[frame.recording] += 1
        yield embargo.frames, places
        if stacked:
            yield embargo.frames, [("", i) for i in range(len(ordered))]


def _reaches(taken: list[Place], at: Place, reach: int) -> bool:
    line, here = at
    first = bisect_left(taken, (line, here - reach))
    return first < len(taken) and taken[first] <= (line, here + reach)


def keep_apart(
    frames: Iterable[Frame], embargo: Embargo, stacked: bool = True
) -> list[Frame]:
    """Leave out what is too near to a rarer part, so that every part loses little.

    ``train`` gives way to ``val`` and ``test``, ``val`` to ``test``, ``test`` to none.

    Args:
        frames: With their parts, in any order.
        embargo: How far apart the parts shall be.
        stacked: See ``too_near``.

    Returns:
        The frames in time order, those left out with the split ``'embargo'``.
    """
    ordered = in_time_order(frames)
    for part, rarer in RARER:
        others = [i for i, frame in enumerate(ordered) if frame.split in rarer]
        for i in too_near(ordered, others, embargo, stacked):
            if ordered[i].split == part:
                ordered[i] = replace(ordered[i], split=EMBARGO)
    return ordered

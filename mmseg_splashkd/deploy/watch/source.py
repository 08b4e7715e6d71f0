"""What sources have in common: moments in time, and problems in their place."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mmseg_splashkd.datasets.timestamps import SECOND

DAMAGED, TIMELESS = "damaged", "without time"
REPEATED, BACKWARDS = "repeated", "out of order"
LATE, LOST = "late", "lost connections"


@dataclass(frozen=True)
class Moment:
    """A frame that has a time.

    Attributes:
        time_ns: Its time in nanoseconds.
        name: What it is called in messages.
        read: Returns it as (H, W, 3) uint8 RGB, or raises ``OSError`` or
            ``ValueError``. It is valid until the next moment is taken.
    """

    time_ns: int
    name: str
    read: Callable[[], np.ndarray]


@dataclass(frozen=True)
class Problem:
    """What is dropped in place of a frame.

    Attributes:
        reason: One of the reasons above.
        text: What it is, for a message.
    """

    reason: str
    text: str


class Source(Protocol):
    """Where frames come from."""

    @property
    def identity(self) -> Mapping[str, str]:
        """What distinguishes it from others: name -> value."""
        ...

    @property
    def about(self) -> str:
        """What its times are, as a sentence; empty where nothing is to be said."""
        ...

    @property
    def count(self) -> int | None:
        """Number of frames, estimated; None if unknown."""
        ...

    def moments(self) -> Iterator[Moment | Problem]:
        """Frames and problems in the order of the source, one frame in memory.

        Raises:
            ImportError: A package is missing.
            ValueError: It cannot be read at all.
        """
        ...


def in_order(items: Iterator[Moment | Problem]) -> Iterator[Moment | Problem]:
    """Replace frames whose time does not increase by problems.

    Args:
        items: Moments and problems of a source.
    """
    last = None
    for item in items:
        if isinstance(item, Moment):
            if last is not None and item.time_ns <= last:
                yield _disordered(item, last)
                continue
            last = item.time_ns
        yield item


def _disordered(moment: Moment, last: int) -> Problem:
    if moment.time_ns == last:
        return Problem(REPEATED, f"{moment.name} has the time of the frame before it")
    back = (last - moment.time_ns) / SECOND
    return Problem(BACKWARDS, f"{moment.name} is {back:.3f} s before the latest frame")

"""What sources have in common: moments in time, and problems in their place."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

DAMAGED, TIMELESS = "damaged", "without time"
REPEATED, BACKWARDS, CLOCK = "repeated", "out of order", "wrong clock"
LATE, LOST = "late", "lost connections"


@dataclass(frozen=True)
class Moment:
    """A frame that has a time.

    Attributes:
        time_ns: Its time in nanoseconds.
        name: What it is called in messages.
        read: Returns it as (H, W, 3) uint8 RGB, or raises ``OSError`` or
            ``ValueError``. It is valid until five further moments were taken.
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

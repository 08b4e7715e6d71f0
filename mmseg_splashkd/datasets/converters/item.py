"""What a converter finds: one frame of a foreign data set."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Item:
    """One frame as the foreign data set has it, nothing of it read yet.

    Args:
        recording: The video it is from.
        timestamp: UNIX time in nanoseconds.
        image: A file to copy as it is, or a function that gives (H, W, 3) uint8 RGB.
        label: A function that gives (H, W) uint8 gray values, None if it is unlabelled.
        split: Its part where the foreign data set has parts, else empty.
    """

    recording: str
    timestamp: int
    image: Path | Callable[[], np.ndarray]
    label: Callable[[], np.ndarray] | None
    split: str = ""

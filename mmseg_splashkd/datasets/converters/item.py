"""One frame of a foreign data set, as a converter lists it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Item:
    """One frame of a foreign data set; its pixels are read when it is written.

    Args:
        recording: Name of the video that the frame is from.
        timestamp: UNIX time in nanoseconds; ``NO_TIME`` if it is unknown.
        image: File to copy unchanged, or a function that returns (H, W, 3) uint8 RGB.
        label: Function that returns (H, W) uint8 gray values; None if unlabelled.
        split: ``'train'``, ``'val'`` or ``'test'`` if the foreign data set is split;
            empty otherwise.
        source: Path of the picture in the foreign data set, with slashes; by default
            that of ``image``, if it is a file. It names a frame without time.
    """

    recording: str
    timestamp: int
    image: Path | Callable[[], np.ndarray]
    label: Callable[[], np.ndarray] | None
    split: str = ""
    source: str = ""

"""Where the foam of each splash event is: the true tracks of a synthetic video."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mmseg_splashkd.datasets.timestamps import SECOND


class BurstRow(NamedTuple):
    """The foam of a splash event in one frame: a row of ``bursts.csv``.

    Attributes:
        recording: Name of the recording.
        timestamp: Time of the frame, as in the table of frames.
        time_ns: The same in UNIX nanoseconds.
        track: Number of the event, as in column ``burst`` of the table of frames.
        x0: First column with foam, from 0.
        y0: First row with foam.
        x1: Column behind the last one with foam.
        y1: Row behind the last one.
        area: Number of foam pixels.
        x: Mean of their columns.
        y: Mean of their rows.
    """

    recording: str
    timestamp: str
    time_ns: int
    track: int
    x0: int
    y0: int
    x1: int
    y1: int
    area: int
    x: str
    y: str


def burst_rows(
    recording: str,
    stamps: Sequence[str],
    numbers: Sequence[int | None],
    masks: Sequence[np.ndarray],
) -> Iterator[BurstRow]:
    """The rows of one recording, by frames.

    Args:
        recording: Name of the recording.
        stamps: Time stamp of each frame, ``<10-digit seconds>-<9-digit nanoseconds>``.
        numbers: Number of the event in each frame, None in a calm frame.
        masks: (H, W) bool foam pixels of each frame.
    """
    for stamp, number, mask in zip(stamps, numbers, masks, strict=True):
        if number is not None and mask.any():
            seconds, nanoseconds = map(int, stamp.split("-"))
            time_ns = seconds * SECOND + nanoseconds
            yield BurstRow(recording, stamp, time_ns, number, *_place(mask))


def _place(mask: np.ndarray) -> tuple[int, int, int, int, int, str, str]:
    rows, columns = np.nonzero(mask)
    left, top = int(columns.min()), int(rows.min())
    right, bottom = int(columns.max()) + 1, int(rows.max()) + 1
    x, y = f"{columns.mean():.2f}", f"{rows.mean():.2f}"
    return left, top, right, bottom, len(rows), x, y

"""Blocks for events, which have a part of their errors in common within a recording."""

from collections.abc import Sequence

import numpy as np

from mmseg_splashkd.statistics.blocks import FEWEST, BlockLength, Blocks, cut_blocks


def event_blocks(
    recordings: Sequence[str], timestamps: np.ndarray, length: BlockLength | None = None
) -> Blocks:
    """Blocks of frames for the errors of events.

    By default a block is a recording where there are ``FEWEST`` or more that do not
    overlap in time (those that do are one block), because errors of events have a part
    in common through weather and light; and otherwise as of ``cut_blocks``.

    Args:
        recordings: N names of recordings.
        timestamps: (N,) UNIX time in nanoseconds.
        length: Length of a block; None: as above.

    Raises:
        ValueError: The length is invalid for these frames.
    """
    if length is None and len(timestamps):
        whole = BlockLength(frames=len(timestamps))
        apart = cut_blocks(recordings, timestamps, whole)
        if len(apart) >= FEWEST:
            return Blocks(apart.index, None, automatic=True, unit="recording")
    return cut_blocks(recordings, timestamps, length)

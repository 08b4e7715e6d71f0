"""Strategies that put every frame into train, val, test or the embargo between them.

Neighbouring frames of a video are near-duplicates: a random split lets the test part be
seen in training. So frames are ordered by time and cut once.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.split_table import SPLITS

RATIOS = (0.7, 0.2, 0.1)


def split_by_time(
    frames: Iterable[Frame], ratios: Sequence[float] = RATIOS
) -> list[Frame]:
    """Cut frames into train, val and test, oldest first.

    Args:
        frames: In any order.
        ratios: Shares of train, val and test; they sum to 1.

    Returns:
        The frames in the order of time, each with its part.

    Raises:
        ValueError: ``ratios`` are no three shares that sum to 1, or two frames of one
            recording have the same time stamp.
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
    ordered = in_time_order(frames)
    first = round(len(ordered) * ratios[0])
    second = round(len(ordered) * (ratios[0] + ratios[1]))
    parts = ["train"] * first + ["val"] * (second - first)
    parts += ["test"] * (len(ordered) - second)
    return [replace(f, split=part) for f, part in zip(ordered, parts, strict=True)]

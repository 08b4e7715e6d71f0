"""Splits at random, for frames that are no video: every photo shows another scene."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.split_table import SPLITS, without_split
from mmseg_splashkd.datasets.splits.by_time import RATIOS, check_ratios
from mmseg_splashkd.datasets.splits.folds import with_folds, within_folds
from mmseg_splashkd.datasets.splits.groups import groups_of, shuffled_groups


def split_at_random(
    frames: Iterable[Frame],
    ratios: Sequence[float] = RATIOS,
    seed: int = 0,
    whole_groups: bool = False,
    group: str | None = None,
) -> list[Frame]:
    """Assign frames, or whole groups of them, to train, val and test at random.

    Groups are taken in random order, larger ones first, each by the part that lacks
    most frames; the last groups go to parts that have none. Frames alone are groups of
    one, so that their counts follow the ratios up to rounding.

    Args:
        frames: Frames in any order; an earlier split of them is ignored.
        ratios: Shares of train, val and test, each in [0, 1], with sum 1.
        seed: Seed of the order; default 0.
        whole_groups: Keep the frames of a group in one part; default False.
        group: Regular expression of the group, see ``groups_of``; default: groups are
            recordings.

    Returns:
        The frames in time order, each with its part.

    Raises:
        ValueError: ``ratios`` are not three shares with sum 1, or a name has no group.
    """
    check_ratios(ratios)
    ordered = in_time_order(frames)
    groups = groups_of(ordered, group) if whole_groups else None
    shuffled = shuffled_groups(groups, len(ordered), seed)
    shuffled.sort(key=len, reverse=True)
    split = [without_split(frame) for frame in ordered]
    lacking = {
        part: ratio * len(ordered)
        for part, ratio in zip(SPLITS, ratios, strict=True)
        if ratio
    }
    empty = set(lacking)
    for left, members in zip(range(len(shuffled), 0, -1), shuffled, strict=True):
        choices = [part for part in lacking if part in empty or left > len(empty)]
        part = max(choices, key=lambda part: lacking[part])
        lacking[part] -= len(members)
        empty.discard(part)
        for i in members:
            split[i] = replace(split[i], split=part)
    return split


def random_folds(frames: Iterable[Frame], folds: int = 5, seed: int = 0) -> list[Frame]:
    """Assign frames to folds at random; sizes differ by one at most.

    Args:
        frames: Frames in any order. Frames with the split ``'test'`` or ``'embargo'``
            are in no fold.
        folds: Number of folds, at least 2; default 5.
        seed: Seed of the random assignment; default 0.

    Returns:
        The frames in time order; those in folds have the split ``'train'`` and their
        fold.

    Raises:
        ValueError: There are fewer frames than folds.
    """
    ordered, inside = within_folds(frames, folds)
    order = np.random.default_rng(seed).permutation(len(inside))
    return with_folds(ordered, inside, order % folds)

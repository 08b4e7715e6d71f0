"""Cross-validation folds: every frame outside the test part is validated on once.

scikit-learn assigns the frames. Its result is checked here, because an empty fold or a
fold without splash would invalidate every score without an error.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np

from mmseg_splashkd.datasets.frames import Frame, in_time_order, require_time
from mmseg_splashkd.datasets.split_table import EMBARGO, without_split
from mmseg_splashkd.datasets.splits.embargo import NO_EMBARGO, Embargo, too_near
from mmseg_splashkd.datasets.splits.groups import groups_of

OUTSIDE = ("test", EMBARGO)
QUARTILES = (0.25, 0.5, 0.75)


def stratified_folds(
    frames: Iterable[Frame], folds: int = 5, seed: int = 0
) -> list[Frame]:
    """Assign frames to folds at random, stratified by splash share.

    Neighbouring frames land in different folds, so scores of these folds are optimistic
    for any video. The original experiments used this strategy.

    Args:
        frames: Frames in any order, with their splash share. Frames with the split
            ``'test'`` or ``'embargo'`` (see ``hold_out``) are in no fold.
        folds: Number of folds, at least 2; default 5.
        seed: Seed of the random assignment; default 0.

    Returns:
        The frames in time order; those in folds have the split ``'train'`` and their
        fold. Sizes of folds differ by one at most, and so do their counts of each bin
        of ``share_bins``.

    Raises:
        ImportError: scikit-learn is missing.
        ValueError: A share is unknown, or there are fewer frames, or fewer frames with
            splash, than folds.
        RuntimeError: scikit-learn returned invalid folds.
    """
    ordered, inside = within_folds(frames, folds)
    for i in inside:
        if ordered[i].splash_share is None:
            raise ValueError(
                f"the splash share of {ordered[i].image} is unknown: stratified folds "
                f"need a label with valid pixels for every frame"
            )
    shares = np.array([ordered[i].splash_share for i in inside], float)
    bins = share_bins(shares, folds)
    splitter = _sklearn().StratifiedKFold(folds, shuffle=True, random_state=seed)
    fold_of = _assigned_folds(splitter.split(bins, bins), len(inside), folds)
    _check_even(fold_of, np.zeros_like(bins), folds, "frames")
    _check_even(fold_of, bins, folds, "a bin of splash share")
    return with_folds(ordered, inside, fold_of)


def blocked_folds(
    frames: Iterable[Frame], folds: int = 5, embargo: Embargo = NO_EMBARGO
) -> list[Frame]:
    """Cut all recordings, as one time line, into contiguous folds of equal size.

    Args:
        frames: Frames in any order; those in no fold as in ``stratified_folds``.
        folds: Number of folds, at least 2; default 5.
        embargo: Minimum distance of training frames from the validated fold.

    Returns:
        The frames in time order; those in folds have the split ``'train'``, their fold
        (0 is the oldest) and the folds whose training leaves them out.

    Raises:
        ValueError: There are fewer frames than folds, a frame has no time, or the
            embargo leaves no training frame for a fold.
    """
    ordered, inside = within_folds(frames, folds)
    require_time(ordered, "a split into blocks along time")
    fold_of = np.arange(len(inside)) * folds // len(inside)
    return _with_embargo(with_folds(ordered, inside, fold_of), folds, embargo)


def grouped_folds(
    frames: Iterable[Frame],
    folds: int = 5,
    seed: int = 0,
    embargo: Embargo = NO_EMBARGO,
    group: str | None = None,
) -> list[Frame]:
    """Assign whole recordings, or other groups, to folds.

    Fold sizes are balanced, splash shares are not: stratifying whole recordings makes
    sizes more uneven and rarely prevents a fold without splash.

    Args:
        frames: Frames in any order; those in no fold as in ``stratified_folds``.
        folds: Number of folds, at least 2; default 5.
        seed: Seed of the order of recordings of equal size; default 0.
        embargo: Minimum distance of training frames from the validated fold, for a
            video that is cut into several recordings; default none.
        group: Regular expression of the group, see ``groups_of``; default: groups are
            recordings.

    Returns:
        The frames in time order, as ``blocked_folds``.

    Raises:
        ImportError: scikit-learn is missing.
        ValueError: There are fewer groups than folds, a group has test frames and
            others, or the embargo leaves no training frame for a fold.
        RuntimeError: scikit-learn returned invalid folds.
    """
    ordered, inside = within_folds(frames, folds)
    all_groups = groups_of(ordered, group)
    groups = [all_groups[i] for i in inside]
    kind = "recording" if group is None else "group"
    _check_whole(ordered, all_groups, groups, kind)
    names = sorted(set(groups))
    if len(names) < folds:
        others = "blocked ones" if ordered[0].has_time else "random ones"
        raise ValueError(
            f"folds={folds}, but there are only {len(names)} {kind}s: take fewer "
            f"folds, or {others}"
        )
    numbers = np.random.default_rng(seed).permutation(len(names)).tolist()
    number_of = dict(zip(names, numbers, strict=True))
    assigned = np.array([number_of[name] for name in groups])
    splitter = _sklearn().GroupKFold(folds)
    splits = splitter.split(assigned, groups=assigned)
    fold_of = _assigned_folds(splits, len(inside), folds)
    for name in names:
        own = set(fold_of[assigned == number_of[name]].tolist())
        if len(own) > 1:
            raise _invalid(f"{kind} {name!r} is in folds {sorted(own)}")
    return _with_embargo(with_folds(ordered, inside, fold_of), folds, embargo)


def share_bins(shares: np.ndarray, folds: int) -> np.ndarray:
    """Bins of splash share for stratification.

    Frames without splash are one bin, the quartiles of the others four more. A bin with
    fewer frames than folds is merged with the next higher bin, the last bin with the
    one below.

    Args:
        shares: (N,) splash shares in [0, 1].
        folds: Number of folds.

    Returns:
        (N,) bin indices from 0, in ascending order of share.

    Raises:
        ValueError: Fewer frames than folds have splash.
    """
    positive = shares[shares > 0]
    if len(positive) < folds:
        raise ValueError(
            f"{len(positive)} of {len(shares)} frames have splash, fewer than the "
            f"folds={folds}: some would have none. Take fewer folds, or blocked ones"
        )
    edges = np.quantile(positive, QUARTILES)
    bins = np.where(shares > 0, 1 + np.searchsorted(edges, shares), 0)
    merged, current, size = [], 0, 0
    for count in np.bincount(bins):
        merged.append(current)
        size += count
        if size >= folds:
            current, size = current + 1, 0
    return np.minimum(merged, current - 1)[bins]


def within_folds(frames: Iterable[Frame], folds: int) -> tuple[list[Frame], list[int]]:
    """The frames in time order, and the indices of those that go into folds.

    Raises:
        ValueError: ``folds`` is below 2, or fewer frames than folds are left.
    """
    if folds < 2:
        raise ValueError(f"folds={folds} must be at least 2")
    ordered = in_time_order(frames)
    inside = [i for i, frame in enumerate(ordered) if frame.split not in OUTSIDE]
    if len(inside) < folds:
        raise ValueError(
            f"folds={folds}, but only {len(inside)} of {len(ordered)} frames are "
            f"outside the test part: take fewer folds, a smaller test part or "
            f"embargo"
        )
    return ordered, inside


def _check_whole(
    ordered: Sequence[Frame],
    all_groups: Sequence[str],
    groups: Sequence[str],
    kind: str,
) -> None:
    pairs = zip(ordered, all_groups, strict=True)
    held_out = {name for frame, name in pairs if frame.split == "test"}
    if divided := sorted(held_out.intersection(groups)):
        raise ValueError(
            f"{kind} {divided[0]!r} has frames in the test part and others: grouped "
            f"folds keep {kind}s whole, so hold out whole ones"
        )


def _sklearn() -> Any:
    try:
        from sklearn import model_selection
    except ImportError as error:
        raise ImportError(
            "stratified and grouped folds need scikit-learn: pip install -e '.[data]'"
        ) from error
    return model_selection


def _assigned_folds(splits: Iterable, count: int, folds: int) -> np.ndarray:
    """(count,) fold of each frame; each frame must have exactly one."""
    fold_of = np.full(count, -1)
    for fold, (_, held) in enumerate(splits):
        if (fold_of[held] != -1).any():
            raise _invalid(f"fold {fold} holds frames of an earlier fold")
        fold_of[held] = fold
    if (fold_of == -1).any():
        raise _invalid(f"{(fold_of == -1).sum()} of {count} frames are in no fold")
    sizes = np.bincount(fold_of, minlength=folds)
    if len(sizes) != folds or not sizes.all():
        raise _invalid(f"the sizes of {folds} folds are {sizes.tolist()}")
    return fold_of


def _check_even(fold_of: np.ndarray, bins: np.ndarray, folds: int, what: str) -> None:
    for number in np.unique(bins):
        counts = np.bincount(fold_of[bins == number], minlength=folds)
        if counts.max() - counts.min() > 1:
            raise _invalid(f"counts of {what} in the folds are {counts.tolist()}")


def _invalid(what: str) -> RuntimeError:
    return RuntimeError(
        f"scikit-learn {version('scikit-learn')} returned invalid folds: {what}; "
        f"install another version, or take blocked folds"
    )


def with_folds(
    ordered: Sequence[Frame], inside: Sequence[int], fold_of: np.ndarray
) -> list[Frame]:
    """Give the frames at the indices ``inside`` their folds, (len(inside),) int."""
    split = [replace(without_split(frame), split=frame.split) for frame in ordered]
    for i, fold in zip(inside, fold_of.tolist(), strict=True):
        split[i] = replace(split[i], split="train", fold=fold)
    return split


def _with_embargo(split: list[Frame], folds: int, embargo: Embargo) -> list[Frame]:
    """Record for each frame the folds within whose embargo it lies."""
    for fold in range(folds):
        members = [i for i, frame in enumerate(split) if frame.fold == fold]
        for i in too_near(split, members, embargo):
            if split[i].fold is not None:
                split[i] = replace(split[i], embargo=(*split[i].embargo, fold))
        others = [f for f in split if f.fold is not None and f.fold != fold]
        if all(fold in frame.embargo for frame in others):
            raise ValueError(
                f"embargo {embargo} leaves no training frame for fold {fold}, which "
                f"has {len(members)} of {len(members) + len(others)} frames: "
                f"take a smaller embargo or more folds"
            )
    return split

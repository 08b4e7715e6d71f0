"""Cross-validation: every frame outside the test part validates once.

scikit-learn deals the frames out; what it returned is then checked here, because a fold
that is empty or has no splash would spoil every figure in silence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np

from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.split_table import EMBARGO, clear
from mmseg_splashkd.datasets.splits.embargo import NONE, Embargo, too_near

OUTSIDE = ("test", EMBARGO)
QUARTILES = (0.25, 0.5, 0.75)


def stratified_folds(
    frames: Iterable[Frame], folds: int = 5, seed: int = 0
) -> list[Frame]:
    """Deal frames out at random, so that every fold has the same mix of splash.

    Neighbouring frames do land in different folds: scores of such folds are optimistic
    for any video. It is how the record of experiments was made.

    Args:
        frames: In any order, with their splash share. Those with the split ``'test'``
            or ``'embargo'`` stay outside, as ``hold_out`` left them.
        folds: Number of folds, at least 2.
        seed: Which frames meet in a fold.

    Returns:
        The frames in the order of time; those in folds with split ``'train'`` and their
        fold. Sizes of folds differ by one at most, and so do their counts of each bin
        of ``share_bins``.

    Raises:
        ImportError: scikit-learn is missing.
        ValueError: A share is unknown, or there are fewer frames, or fewer with splash,
            than folds.
        RuntimeError: scikit-learn returned folds that are not what they should be.
    """
    ordered, inside = _inside(frames, folds)
    for i in inside:
        if ordered[i].splash_share is None:
            raise ValueError(
                f"the splash share of {ordered[i].image} is unknown: stratified folds "
                f"need a label with valid pixels for every frame"
            )
    shares = np.array([ordered[i].splash_share for i in inside], float)
    bins = share_bins(shares, folds)
    splitter = _sklearn().StratifiedKFold(folds, shuffle=True, random_state=seed)
    fold_of = _deal(splitter.split(bins, bins), len(inside), folds)
    _check_even(fold_of, np.zeros_like(bins), folds, "frames")
    _check_even(fold_of, bins, folds, "a bin of splash share")
    return _with_folds(ordered, inside, fold_of)


def blocked_folds(
    frames: Iterable[Frame], folds: int = 5, embargo: Embargo = NONE
) -> list[Frame]:
    """Cut all recordings, as one time line, into blocks of the same size.

    Args:
        frames: In any order; which stay outside, see ``stratified_folds``.
        folds: Number of blocks, at least 2.
        embargo: How far training on the other folds stays from a fold.

    Returns:
        The frames in the order of time; those in folds with split ``'train'``, their
        fold, oldest block first, and the folds whose training leaves them out.

    Raises:
        ValueError: There are fewer frames than folds, or the embargo leaves a fold
            nothing to train on.
    """
    ordered, inside = _inside(frames, folds)
    fold_of = np.arange(len(inside)) * folds // len(inside)
    return _with_embargo(_with_folds(ordered, inside, fold_of), folds, embargo)


def grouped_folds(
    frames: Iterable[Frame],
    folds: int = 5,
    seed: int = 0,
    embargo: Embargo = NONE,
) -> list[Frame]:
    """Keep recordings whole: each is in one fold alone.

    Sizes are evened out, splash is not: stratifying whole recordings as well makes
    sizes more uneven and hardly spares a fold without splash.

    Args:
        frames: In any order; which stay outside, see ``stratified_folds``.
        folds: Number of folds, at least 2.
        seed: Orders recordings of the same size.
        embargo: As in ``blocked_folds``, for a video cut into several recordings.

    Returns:
        The frames in the order of time, as ``blocked_folds``.

    Raises:
        ImportError: scikit-learn is missing.
        ValueError: There are fewer recordings than folds, a recording has test frames
            and others, or the embargo leaves a fold nothing to train on.
        RuntimeError: scikit-learn returned folds that are not what they should be.
    """
    ordered, inside = _inside(frames, folds)
    recordings = [ordered[i].recording for i in inside]
    _check_whole(ordered, recordings)
    names = sorted(set(recordings))
    if len(names) < folds:
        raise ValueError(
            f"folds={folds}, but there are only {len(names)} recordings: take fewer "
            f"folds, or blocked ones"
        )
    numbers = np.random.default_rng(seed).permutation(len(names)).tolist()
    number_of = dict(zip(names, numbers, strict=True))
    groups = np.array([number_of[recording] for recording in recordings])
    splitter = _sklearn().GroupKFold(folds)
    fold_of = _deal(splitter.split(groups, groups=groups), len(inside), folds)
    for recording in names:
        of = set(fold_of[groups == number_of[recording]].tolist())
        if len(of) > 1:
            raise _broken(f"recording {recording!r} is in folds {sorted(of)}")
    return _with_embargo(_with_folds(ordered, inside, fold_of), folds, embargo)


def share_bins(shares: np.ndarray, folds: int) -> np.ndarray:
    """Bins of splash share to stratify by.

    Frames without splash are one bin, the quarters of the others four more. A bin of
    fewer frames than folds is merged with the next one up, the last with the one below.

    Args:
        shares: (N,) in [0, 1].
        folds: Number of folds.

    Returns:
        (N,) bins, numbered from 0 by their share.

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


def _inside(frames: Iterable[Frame], folds: int) -> tuple[list[Frame], list[int]]:
    """The frames in time order, and the indices of those to be folded."""
    if folds < 2:
        raise ValueError(f"folds={folds} must be at least 2")
    ordered = in_time_order(frames)
    inside = [i for i, frame in enumerate(ordered) if frame.split not in OUTSIDE]
    if len(inside) < folds:
        raise ValueError(
            f"folds={folds}, but only {len(inside)} of {len(ordered)} frames are to be "
            f"folded: take fewer folds, a smaller test part or a smaller embargo"
        )
    return ordered, inside


def _check_whole(ordered: Sequence[Frame], recordings: Sequence[str]) -> None:
    held_out = {frame.recording for frame in ordered if frame.split == "test"}
    if torn := sorted(held_out.intersection(recordings)):
        raise ValueError(
            f"recording {torn[0]!r} has frames in the test part and others: grouped "
            f"folds keep recordings whole, so hold out whole ones"
        )


def _sklearn() -> Any:
    try:
        from sklearn import model_selection
    except ImportError as error:
        raise ImportError(
            "stratified and grouped folds need scikit-learn: "
            "pip install 'mmseg_splashkd[data]'"
        ) from error
    return model_selection


def _deal(splits: Iterable, count: int, folds: int) -> np.ndarray:
    """Fold of each frame, (count,), after checking that each has exactly one."""
    fold_of = np.full(count, -1)
    for fold, (_, held) in enumerate(splits):
        if (fold_of[held] != -1).any():
            raise _broken(f"fold {fold} holds frames of an earlier one")
        fold_of[held] = fold
    if (fold_of == -1).any():
        raise _broken(f"{(fold_of == -1).sum()} of {count} frames are in no fold")
    sizes = np.bincount(fold_of, minlength=folds)
    if len(sizes) != folds or not sizes.all():
        raise _broken(f"the sizes of {folds} folds are {sizes.tolist()}")
    return fold_of


def _check_even(fold_of: np.ndarray, bins: np.ndarray, folds: int, what: str) -> None:
    for number in np.unique(bins):
        counts = np.bincount(fold_of[bins == number], minlength=folds)
        if counts.max() - counts.min() > 1:
            raise _broken(f"counts of {what} in the folds are {counts.tolist()}")


def _broken(what: str) -> RuntimeError:
    return RuntimeError(
        f"scikit-learn {version('scikit-learn')} returned bad folds: {what}; install "
        f"another version, or take blocked folds"
    )


def _with_folds(
    ordered: list[Frame], inside: Sequence[int], fold_of: np.ndarray
) -> list[Frame]:
    split = [replace(clear(frame), split=frame.split) for frame in ordered]
    for i, fold in zip(inside, fold_of.tolist(), strict=True):
        split[i] = replace(split[i], split="train", fold=fold)
    return split


def _with_embargo(split: list[Frame], folds: int, embargo: Embargo) -> list[Frame]:
    """Say of each frame which folds it is too near to."""
    for fold in range(folds):
        members = [i for i, frame in enumerate(split) if frame.fold == fold]
        for i in too_near(split, members, embargo):
            if split[i].fold is not None:
                split[i] = replace(split[i], embargo=(*split[i].embargo, fold))
        others = [f for f in split if f.fold is not None and f.fold != fold]
        if all(fold in frame.embargo for frame in others):
            raise ValueError(
                f"embargo {embargo} leaves nothing to train on beside fold {fold}, "
                f"which has {len(members)} of {len(members) + len(others)} frames: "
                f"take a smaller embargo or more folds"
            )
    return split

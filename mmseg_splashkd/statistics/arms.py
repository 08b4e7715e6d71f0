"""Arms: the runs of one training recipe, and their counts aligned frame by frame."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import NamedTuple

import numpy as np

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.statistics.metrics import areas_of
from mmseg_splashkd.statistics.sources import part_of


class FoldSeed(NamedTuple):
    """Identity of a run within its arm.

    Attributes:
        fold: Fold that the run validates; None for a run without folds.
        seed: Random seed of the training; None where unknown.
    """

    fold: int | None
    seed: int | None

    def __str__(self) -> str:
        parts = [
            f"{key} {value}"
            for key, value in zip(self._fields, self, strict=True)
            if value is not None
        ]
        return ", ".join(parts) or "without fold and seed"


@dataclass(frozen=True, eq=False)
class Arm:
    """One training recipe and its runs.

    Args:
        name: Label of the arm in tables and messages.
        runs: Counts of each run by fold and seed, at least one.
    """

    name: str
    runs: Mapping[FoldSeed, FrameScores]

    @property
    def first(self) -> FrameScores:
        """Counts of the first run."""
        return next(iter(self.runs.values()))


def arm_of(name: str, runs: Sequence[tuple[FoldSeed, FrameScores]]) -> Arm:
    """Gather the runs of an arm.

    Args:
        name: Label of the arm.
        runs: Identity and counts of each run, at least one.

    Raises:
        ValueError: There is no run, or two have the same fold and seed.
    """
    by_identity: dict[FoldSeed, FrameScores] = {}
    for identity, scores in runs:
        if identity in by_identity:
            both = by_identity[identity], scores
            names = " and ".join(str(each.about.get("run", "a run")) for each in both)
            raise ValueError(f"arm {name}: {names} are both {identity}; give one")
        by_identity[identity] = scores
    if not by_identity:
        raise ValueError(f"arm {name} has no runs")
    return Arm(name, by_identity)


def common_runs(arms: Iterable[Arm]) -> list[FoldSeed]:
    """Identities of the runs that all arms have, with the same folds for each seed.

    A seed that lacks one of the folds is excluded. Arms of one run each are paired
    regardless of their seeds.

    Args:
        arms: The arms.

    Returns:
        Sorted by fold, then by seed.

    Raises:
        ValueError: No fold and seed is in every arm.
    """
    arms = list(arms)
    if all(len(arm.runs) == 1 for arm in arms):
        return list(arms[0].runs)
    shared = set.intersection(*(set(arm.runs) for arm in arms))
    if not shared:
        listed = "; ".join(
            f"{arm.name}: {' / '.join(map(str, arm.runs))}" for arm in arms
        )
        raise ValueError(
            f"runs pair by fold and seed, and no pair is in every arm ({listed}): "
            f"train the arms with the same folds and seeds"
        )
    folds_of = {
        seed: frozenset(run.fold for run in shared if run.seed == seed)
        for seed in {run.seed for run in shared}
    }
    most = max(
        folds_of.values(), key=lambda folds: (len(folds), sorted(map(str, folds)))
    )
    kept = [run for run in shared if folds_of[run.seed] == most]
    return sorted(kept, key=lambda run: tuple(-1 if v is None else v for v in run))


@dataclass(frozen=True, eq=False)
class Layout:
    """Counts of the runs of an arm on the same N frames.

    Args:
        areas: (J, N, 3, C) int64 areas in pixels of J runs. Where each fold validates
            its own frames, one row per seed, concatenated over folds.
        recordings: N names of recordings.
        timestamps: (N,) UNIX time in nanoseconds, or -1.
        fold: (N,) index of the fold that a frame belongs to, from 0; all 0 unless each
            fold validates its own frames.
        overlap: n_test / n_train of the folds; 0 with one fold or none.
    """

    areas: np.ndarray
    recordings: tuple[str, ...]
    timestamps: np.ndarray
    fold: np.ndarray
    overlap: float

    @property
    def folds(self) -> int:
        """Number of folds with frames of their own, 1 without folds."""
        return int(self.fold.max()) + 1


def lay_out(
    arm: Arm,
    runs: Collection[FoldSeed],
    reference: Arm | None = None,
) -> Layout:
    """Align the counts of an arm with the frames of a reference arm.

    Args:
        arm: The arm.
        runs: Identities of the runs to use, with the same folds for each seed.
        reference: The arm that defines the frames and their order; by default ``arm``.

    Raises:
        ValueError: Runs were tested on different frames, classes or labels.
    """
    model = reference or arm
    folds = list(dict.fromkeys(run.fold for run in runs))
    seeds = list(dict.fromkeys(run.seed for run in runs))
    single = len(runs) == 1
    frames = {fold: _scores(model, FoldSeed(fold, seeds[0]), single) for fold in folds}
    aligned = {
        run: _aligned(_scores(arm, run, single), frames[run.fold], arm.name, model.name)
        for run in runs
    }
    base = list(frames.values())
    if len(folds) == 1 or _same_frames(base):
        areas = np.stack([aligned[run] for run in runs])
        count, whole = len(folds), base[0]
        overlap = 1 / (count - 1) if count > 1 else 0.0
        zeros = np.zeros(len(whole), np.int64)
        return Layout(areas, whole.recordings, whole.timestamps, zeros, overlap)
    return _pooled(base, [[aligned[FoldSeed(f, s)] for f in folds] for s in seeds])


def _scores(arm: Arm, run: FoldSeed, single: bool) -> FrameScores:
    return arm.first if single and len(arm.runs) == 1 else arm.runs[run]


def _pooled(base: list[FrameScores], rows: list[list[np.ndarray]]) -> Layout:
    keys = [key for scores in base for key in frame_keys(scores)]
    if len(set(keys)) != len(keys):
        raise ValueError(
            "folds share some frames but not all: compare folds of one table, which "
            "validate each frame once, or runs tested on one part"
        )
    sizes = np.array([len(scores) for scores in base])
    return Layout(
        areas=np.stack([np.concatenate(row) for row in rows]),
        recordings=tuple(name for scores in base for name in scores.recordings),
        timestamps=np.concatenate([scores.timestamps for scores in base]),
        fold=np.repeat(np.arange(len(base)), sizes),
        overlap=float((sizes / (sizes.sum() - sizes)).mean()),
    )


def _same_frames(base: list[FrameScores]) -> bool:
    first = set(frame_keys(base[0]))
    return all(set(frame_keys(scores)) == first for scores in base[1:])


def frame_keys(scores: FrameScores) -> list[tuple[str, int | str]]:
    """Identity of each frame: its recording and its time, or its stem without a time.

    Raises:
        ValueError: Two frames have the same identity.
    """
    keys = [
        (recording, int(time) if time >= 0 else PurePath(frame).stem)
        for recording, time, frame in zip(
            scores.recordings, scores.timestamps, scores.frames, strict=True
        )
    ]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"scores hold two frames {twice[1]} of recording {twice[0]}")
    return keys


def _parts(run: FrameScores, base: FrameScores) -> str:
    """The parts of two runs where they differ, and how to choose one."""
    one, other = part_of(run), part_of(base)
    if one == other or one is None or other is None:
        return ""
    return f", on parts {one} and {other} (--part chooses one)"


def _aligned(run: FrameScores, base: FrameScores, name: str, other: str) -> np.ndarray:
    """(N, 3, C) areas of a run in the order of the frames of ``base``."""

    def error(what: str, remedy: str) -> ValueError:
        return ValueError(
            f"{name} and {other} were tested on different {what}; {remedy}"
        )

    if run.classes != base.classes:
        raise error(
            f"classes: {run.classes} and {base.classes}",
            "compare arms with the same classes",
        )
    keys, wanted = frame_keys(run), frame_keys(base)
    if set(keys) != set(wanted):
        raise error(
            f"frames: {len(set(keys) - set(wanted))} of {len(keys)} only in the first, "
            f"{len(set(wanted) - set(keys))} of {len(wanted)} only in the second"
            f"{_parts(run, base)}",
            "test both on the same part of the same table",
        )
    place = {key: index for index, key in enumerate(keys)}
    areas = areas_of(run.confusion[[place[key] for key in wanted]])
    unlike = (areas[:, 2] != areas_of(base.confusion)[:, 2]).any(1)
    if unlike.any():
        raise error(
            f"labels: the true pixels of {unlike.sum()} of {len(keys)} frames differ",
            "test both again with the present labels",
        )
    return areas

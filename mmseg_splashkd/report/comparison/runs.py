"""From paths of runs to arms."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmseg_splashkd.evaluation.frame_scores import FrameScores, load_scores
from mmseg_splashkd.statistics import Arm, arm_of, stripped

PARTS = ("test", "val")
WEIGHTS = ("last", "best")


@dataclass(frozen=True, eq=False)
class _Run:
    """One run, and the path that was given for it."""

    path: Path
    name: str
    scores: FrameScores


def read_arms(
    paths: Sequence[str | Path], part: str | None = None, weights: str = "last"
) -> list[Arm]:
    """Read the runs of arms.

    Paths whose names agree but for ``_fold<k>`` and ``_seed<s>`` are one arm, unless
    all are: then each is an arm of its own.

    Args:
        paths: Each a work directory, a folder with ``scores.npz`` (of
            ``tools/test.py``), a scores file, or a pattern that fits such of one arm.
        part: ``test`` or ``val``; by default the test part of a run that has one.
        weights: ``last`` or ``best``, of work directories.

    Returns:
        In the order given.

    Raises:
        FileNotFoundError: A path does not exist, or holds no scores.
        ValueError: Scores are damaged, a pattern fits several arms, or an argument is
            unknown.
    """
    if part not in (None, *PARTS) or weights not in WEIGHTS:
        raise ValueError(
            f"part={part!r} must be one of {PARTS}, weights={weights!r} of {WEIGHTS}"
        )
    given = [
        [_read(path, part, weights) for path in _matches(argument)]
        for argument in paths
    ]
    groups = _group(given)
    return [
        arm_of(label, [(run.name, run.scores) for run in group])
        for label, group in zip(_labels(groups), groups, strict=True)
    ]


def _matches(argument: str | Path) -> list[Path]:
    """The paths that an argument stands for: itself, or what fits the pattern."""
    path = Path(argument)
    if path.exists():
        return [path]
    root = Path(path.anchor)
    found = sorted(root.glob(str(path.relative_to(root))))
    found = [match for match in found if match.is_dir() or match.suffix == ".npz"]
    if not found:
        raise FileNotFoundError(f"there is no run {argument}, nor one that fits it")
    arms = sorted({stripped(_name(match)) for match in found})
    if len(arms) > 1:
        raise ValueError(
            f"the pattern {str(argument)!r} fits runs of {len(arms)} arms "
            f"({', '.join(arms[:4])}{', ...' if len(arms) > 4 else ''}), whose names "
            f"differ in more than _fold and _seed: give one pattern an arm"
        )
    return found


def _name(path: Path) -> str:
    """Name of the run that a path is of."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 - a link keeps its own name
    if path.suffix != ".npz":
        return path.name
    if path.parent.name == "scores":
        return path.parent.parent.name
    return path.parent.name if path.stem == "scores" else path.stem


def _read(path: Path, part: str | None, weights: str) -> _Run:
    if path.is_file():
        return _Run(path, _name(path), load_scores(path))
    files = list(_candidates(path, part, weights))
    for file in files:
        if file.is_file():
            return _Run(path, _name(path), load_scores(file))
    raise FileNotFoundError(
        f"run {path} holds no {' or '.join(str(f.relative_to(path)) for f in files)}: "
        f"it ended before its first validation, is of an older version (test its "
        f"weights with tools/test.py), or has no such part or weights"
    )


def _candidates(folder: Path, part: str | None, weights: str) -> Iterator[Path]:
    for each in PARTS if part is None else (part,):
        yield folder / "scores" / f"{each}_{weights}.npz"
    if part != "val":
        yield folder / "scores.npz"


def _group(given: list[list[_Run]]) -> list[list[_Run]]:
    """Put arguments together that are of one arm."""
    groups: dict[object, list[_Run]] = {}
    for place, runs in enumerate(given):
        parent, name = runs[0].path.absolute().parent, runs[0].name
        cell_of_sweep = stripped(name) != name
        key = (parent, stripped(name)) if cell_of_sweep else place
        groups.setdefault(key, []).extend(runs)
    return given if len(groups) == 1 else list(groups.values())


def _labels(groups: list[list[_Run]]) -> list[str]:
    """A name for each arm, as short as tells them apart."""
    plain = [stripped(group[0].name) for group in groups]
    whole = [group[0].name for group in groups]
    folder = [
        f"{group[0].path.absolute().parent.name}/{name}"
        for group, name in zip(groups, plain, strict=True)
    ]
    paths = [str(group[0].path) for group in groups]
    for labels in (plain, whole, folder, paths):
        if len(set(labels)) == len(labels):
            return labels
    twice = next(path for path, count in Counter(paths).items() if count > 1)
    raise ValueError(f"run {twice} is given twice: compare it with another")

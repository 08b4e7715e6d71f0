"""Runs grouped by the data set that they were scored on: no others are compared."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.records.record import RunRecord
from mmseg_splashkd.report.scored_runs import (
    LeftOut,
    SelectedRun,
    load_run_scores,
)
from mmseg_splashkd.statistics.arms import frame_keys


@dataclass
class DataSet:
    """Runs of one data set.

    Args:
        name: Short name, unique among the data sets: table, folder or classes.
        runs: The runs, those without scores included.
    """

    name: str
    runs: list[SelectedRun] = field(default_factory=list)


def by_data_set(
    selected: Sequence[SelectedRun], part: str | None, weights: str
) -> list[DataSet]:
    """Group runs by data set.

    Runs are of one data set if they have the same classes and the same split table or
    files, or frames in common: the same paths, or the same names with the same labels.
    A run without scores goes where its table, files or folder is; otherwise to the
    first data set.

    Args:
        selected: The runs.
        part: Part of their scores, see ``load_run_scores``.
        weights: ``'last'`` or ``'best'``.

    Returns:
        Data sets in the order of their first runs, at least one.

    Raises:
        ValueError: Scores are damaged.
    """
    scored: list[tuple[SelectedRun, FrameScores]] = []
    others: list[SelectedRun] = []
    for each in selected:
        found = load_run_scores(each, part, weights, unfinished=False)
        if isinstance(found, LeftOut):
            others.append(each)
        else:
            scored.append((each, found.scores))
    groups = _groups([(each.run.record, scores) for each, scores in scored])
    names = _unique([_name(*_of(scored[group[0]])) for group in groups])
    sets = [
        DataSet(name, [scored[index][0] for index in group])
        for name, group in zip(names, groups, strict=True)
    ] or [DataSet("data")]
    for run in others:
        _home(run, sets).runs.append(run)
    place = {id(run): index for index, run in enumerate(selected)}
    for each in sets:
        each.runs.sort(key=lambda run: place[id(run)])
    return sets


def _of(scored: tuple[SelectedRun, FrameScores]) -> tuple[RunRecord, FrameScores]:
    return scored[0].run.record, scored[1]


def _home(run: SelectedRun, sets: Sequence[DataSet]) -> DataSet:
    own = set(_sources(run.run.record))
    for each in sets:
        if any(own & set(_sources(other.run.record)) for other in each.runs):
            return each
    return sets[0]


def _sources(record: RunRecord) -> Iterator[Hashable]:
    """What a record says about its data."""
    data = record.data
    yield from (("table", sha) for sha in data.table_sha256 if sha)
    if data.files_sha256:
        yield "files", data.files_sha256
    if data.root and not data.table_sha256:
        yield "root", data.root


def _groups(
    runs: Sequence[tuple[RunRecord, FrameScores]],
) -> list[list[int]]:
    """Indices of the runs of each data set."""
    first: dict[Hashable, int] = {}
    group = list(range(len(runs)))

    def join(one: int, other: int) -> None:
        low, high = sorted((group[one], group[other]))
        group[:] = [low if each == high else each for each in group]

    frames: dict[Hashable, int] = {}
    for index, (record, scores) in enumerate(runs):
        sources = [*_sources(record), ("table", scores.about.get("table_sha256"))]
        for source in sources:
            if source[1] is not None:
                join(first.setdefault((scores.classes, source), index), index)
        # Runs on the same frames, such as those of one fold, are compared once.
        join(frames.setdefault((scores.classes, scores.frames), index), index)
    distinct = list(frames.values())
    for place, one in enumerate(distinct):
        for other in distinct[:place]:
            if group[one] != group[other] and _share(runs[one][1], runs[other][1]):
                join(one, other)
    members: dict[int, list[int]] = defaultdict(list)
    for index, of_run in enumerate(group):
        members[of_run].append(index)
    return list(members.values())


def _share(one: FrameScores, other: FrameScores) -> bool:
    """Whether two runs were scored on frames of one data set.

    Names such as ``0.png`` occur in many data sets, so the labels must agree, too.
    """
    if one.classes != other.classes:
        return False
    if set(one.frames) & set(other.frames):
        return True
    first, second = _labels(one), _labels(other)
    shared = first.keys() & second.keys()
    agreeing = sum(first[key] == second[key] for key in shared)
    return 2 * agreeing > len(shared)


def _labels(scores: FrameScores) -> dict[tuple, tuple[int, ...]]:
    """Frame -> labelled pixels of each class."""
    counts = scores.confusion.sum(2).tolist()
    return {
        key: tuple(count) for key, count in zip(frame_keys(scores), counts, strict=True)
    }


def _name(record: RunRecord, scores: FrameScores) -> str:
    table = scores.about.get("table") or next(iter(record.data.tables), None)
    if table:
        return f"{Path(table).resolve().parent.name}_{Path(table).stem}"
    root = record.data.root or str(Path(scores.frames[0]).parent)
    return Path(root).name or "_".join(scores.classes)


def _unique(names: Sequence[str]) -> list[str]:
    """The names with a number where one occurs twice."""
    unique: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in unique:
            number += 1
            candidate = f"{name}_{number}"
        unique.append(candidate)
    return unique

"""Runs grouped into arms by their records, never by their names."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from mmseg_splashkd.records.arms import arm_key
from mmseg_splashkd.records.record import FINISHED, RunRecord
from mmseg_splashkd.records.store import Run
from mmseg_splashkd.report.scored_runs import (
    NOT_RECORDED,
    LeftOut,
    ScoredRun,
    SelectedRun,
    load_run_scores,
)
from mmseg_splashkd.report.titles import Title, titles_of
from mmseg_splashkd.statistics import Arm, FoldSeed, arm_of

Group = list[ScoredRun]


@dataclass(frozen=True, eq=False)
class ArmRuns:
    """The runs of one training recipe, which differ in fold and seed only.

    Args:
        arm: Their scores by fold and seed, under the title.
        runs: The runs by fold and seed.
        family: Title without the teacher ratio: arms of one family are one line in a
            plot over it.
        ratio: teacher_ratio in [0, 1]; None without distillation, or for a schedule.
        plain: Whether the arm trains without a teacher.
        is_teacher: Whether another run in the report is distilled from its weights.
    """

    arm: Arm
    runs: Mapping[FoldSeed, Run]
    family: str
    ratio: float | None = None
    plain: bool = True
    is_teacher: bool = False

    @property
    def title(self) -> str:
        """Unique label, such as ``farm_b0_kd, r = 0.5``."""
        return self.arm.name

    @property
    def record(self) -> RunRecord:
        """Record of the first run."""
        return next(iter(self.runs.values())).record


def gather_arms(
    selected: Sequence[SelectedRun],
    part: str | None = "val",
    weights: str = "last",
    explicit: bool = False,
) -> tuple[list[ArmRuns], list[LeftOut]]:
    """Group runs that have scores.

    Runs belong to one arm if they have the same config and options (see ``arm_key``);
    unrecorded scores belong together if one source names them. Two runs of an arm with
    the same fold and seed are separated by the weights of their teacher, their split
    table or the folder of their work directory.

    Args:
        selected: The runs.
        part: ``'val'``, ``'test'``, or None for the test part where it has scores.
        weights: ``'last'`` or ``'best'``.
        explicit: The sources are the arms to compare: runs that did not finish count,
            runs with the same fold and seed are separated by source, and so is a single
            arm.

    Returns:
        Arms in the order of their first runs, and the runs in none of them.

    Raises:
        ValueError: No run has scores, scores are damaged, or (with ``explicit``) two
            runs of an arm have the same fold and seed.
    """
    left_out: list[LeftOut] = []
    groups: dict[Hashable, Group] = defaultdict(list)
    for each in selected:
        reason = None if explicit or each.scores_file else _unfinished(each.run)
        scored = (
            LeftOut(each.run, reason)
            if reason
            else load_run_scores(each, part, weights)
        )
        if isinstance(scored, LeftOut):
            left_out.append(scored)
        else:
            groups[_key(scored)].append(scored)
    if not groups:
        raise ValueError(_no_scores(left_out, part, weights))
    separate: list[Callable[[ScoredRun], Hashable]] = [*DISTINCTIONS]
    if explicit:
        separate.append(lambda scored: scored.source)
    parts = [part for group in groups.values() for part in _split(group, separate)]
    if explicit and len(parts) == 1:
        parts = _by(parts[0], lambda scored: scored.source)
    repetitions = None if explicit else left_out
    kept = [_first_of_each(_numbered(group), repetitions) for group in parts]
    return _arms(kept, [each.run for each in selected]), left_out


def _key(scored: ScoredRun) -> Hashable:
    record = scored.run.record
    if record.status == NOT_RECORDED or record.config is None:
        return "source", scored.source
    return arm_key(record)


def _unfinished(run: Run) -> str | None:
    if run.status == FINISHED:
        return None
    reason = run.record.reason
    return f"{run.status}: {reason}" if reason else run.status


def _no_scores(left_out: Sequence[LeftOut], part: str | None, weights: str) -> str:
    first = "; ".join(f"{each.run.name}: {each.reason}" for each in left_out[:3])
    where = "" if part is None else f" on part {part}"
    return (
        f"none of {len(left_out)} runs can be compared by the scores of its {weights} "
        f"weights{where} ({first})"
    )


def _teacher_weights(scored: ScoredRun) -> Hashable:
    teacher = scored.run.record.teacher
    return None if teacher is None else teacher.sha256


# What separates runs of one recipe with the same fold and seed, in this order.
DISTINCTIONS = (
    _teacher_weights,
    lambda scored: scored.run.record.data.table_sha256,
    lambda scored: scored.run.work_dir.resolve().parent,
)


def fold_seed(run: Run) -> FoldSeed:
    """Fold and seed that a run records."""
    return FoldSeed(run.record.fold, run.record.seed)


def _by(group: Group, of: Callable[[ScoredRun], Hashable]) -> list[Group]:
    parts: dict[Hashable, Group] = defaultdict(list)
    for scored in group:
        parts[of(scored)].append(scored)
    return list(parts.values())


def _split(
    group: Group, distinctions: Sequence[Callable[[ScoredRun], Hashable]]
) -> list[Group]:
    """Split a group until no two of its runs have the same fold and seed."""
    identities = {fold_seed(scored.run) for scored in group}
    if len(identities) == len(group) or not distinctions:
        return [group]
    first, *others = distinctions
    return [part for each in _by(group, first) for part in _split(each, others)]


def _numbered(group: Group) -> list[tuple[FoldSeed, ScoredRun]]:
    """Fold and seed of each run; unrecorded runs without a seed are numbered."""
    identities = [fold_seed(scored.run) for scored in group]
    unknown = [
        scored.run.status == NOT_RECORDED and scored.run.record.seed is None
        for scored in group
    ]
    if all(unknown) and len(set(identities)) < len(group):
        identities = [FoldSeed(i.fold, n) for n, i in enumerate(identities)]
    return list(zip(identities, group, strict=True))


def _first_of_each(
    group: Sequence[tuple[FoldSeed, ScoredRun]], left_out: list[LeftOut] | None
) -> dict[FoldSeed, ScoredRun]:
    """One run per fold and seed: repetitions (``tools/rerun.py``) are left out.

    Raises:
        ValueError: There is a repetition, and ``left_out`` is None.
    """
    kept: dict[FoldSeed, ScoredRun] = {}
    for identity, scored in sorted(group, key=lambda e: e[1].run.record.began or ""):
        name = scored.run.name
        if identity not in kept:
            kept[identity] = scored
        elif left_out is None:
            raise ValueError(
                f"runs {kept[identity].run.name} and {name} of one arm are both "
                f"{identity}: give one of them"
            )
        else:
            reason = (
                f"repeats {kept[identity].run.name}: same config, options, fold and "
                f"seed"
            )
            left_out.append(LeftOut(scored.run, reason))
    return {identity: kept[identity] for identity, _ in group if identity in kept}


def _arms(
    groups: Sequence[Mapping[FoldSeed, ScoredRun]], runs: Sequence[Run]
) -> list[ArmRuns]:
    titles = titles_of([[each.run for each in group.values()] for group in groups])
    teachers = {sha for run in runs for sha in _taught_by(run.record)}
    return [
        _arm(title, group, teachers)
        for title, group in zip(titles, groups, strict=True)
    ]


def _taught_by(record: RunRecord) -> tuple[str, ...]:
    return () if record.teacher is None else record.teacher.sha256


def _arm(
    title: Title, group: Mapping[FoldSeed, ScoredRun], teachers: set[str]
) -> ArmRuns:
    runs = {identity: each.run for identity, each in group.items()}
    record = next(iter(runs.values())).record
    weights = _weights_of(runs.values())
    return ArmRuns(
        arm=arm_of(title.text, [(key, each.scores) for key, each in group.items()]),
        runs=runs,
        family=title.family,
        ratio=title.ratio,
        plain=record.teacher is None and record.teacher_ratio is None,
        is_teacher=not teachers.isdisjoint(weights),
    )


def _weights_of(runs: Iterable[Run]) -> set[str]:
    both = [run.record.weights for run in runs]
    files = [each for kept in both for each in (kept.best, kept.last)]
    return {each.sha256 for each in files if each is not None}


def choose_baseline(arms: Sequence[ArmRuns], name: str | None = None) -> ArmRuns:
    """The arm that the others are compared with.

    Args:
        arms: At least one.
        name: Its title, stem of its config, or name of one of its runs, or a pattern of
            run names; by default the first plain student, otherwise the arm with the
            lowest teacher ratio.

    Raises:
        ValueError: No arm fits the name, or several do.
    """
    if name is not None:
        return _named(arms, name)
    students = [arm for arm in arms if not arm.is_teacher] or list(arms)
    plain = [arm for arm in students if arm.plain]
    return plain[0] if plain else min(students, key=_ratio_or_above)


def _named(arms: Sequence[ArmRuns], name: str) -> ArmRuns:
    for labels in (_title, _stem, _run_names):
        matches = [
            arm for arm in arms if any(fnmatchcase(e, name) for e in labels(arm))
        ]
        if len(matches) == 1:
            return matches[0]
        if matches:
            break
    listed = "; ".join(arm.title for arm in matches or arms)
    problem = "fits several arms" if matches else "is none of the arms"
    raise ValueError(f"--baseline {name} {problem}: {listed}")


def _title(arm: ArmRuns) -> list[str]:
    return [arm.title]


def _stem(arm: ArmRuns) -> list[str]:
    return [Path(arm.record.config or "").stem]


def _run_names(arm: ArmRuns) -> list[str]:
    return [run.name for run in arm.runs.values()]


def _ratio_or_above(arm: ArmRuns) -> float:
    return 2.0 if arm.ratio is None else arm.ratio

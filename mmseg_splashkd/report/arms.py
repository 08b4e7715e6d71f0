"""Runs grouped into arms by their records, never by their names."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from mmseg_splashkd.records.arms import arm_key
from mmseg_splashkd.records.record import RunRecord
from mmseg_splashkd.records.store import Run
from mmseg_splashkd.report.scored_runs import (
    NOT_RECORDED,
    LeftOut,
    ScoredRun,
    SelectedRun,
    load_run_scores,
)
from mmseg_splashkd.report.titles import families_of, ratio_of, titles_of
from mmseg_splashkd.statistics import Arm, FoldSeed

Group = list[ScoredRun]


@dataclass(frozen=True, eq=False)
class ArmRuns:
    """The runs of one training recipe, which differ in fold and seed only.

    Args:
        arm: Scores of the runs by fold and seed; its name is the title.
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
        scored = load_run_scores(each, part, weights, unfinished=explicit)
        if isinstance(scored, LeftOut):
            left_out.append(scored)
        else:
            groups[_key(scored)].append(scored)
    if not groups:
        first = "; ".join(f"{each.run.name}: {each.reason}" for each in left_out[:3])
        where = "" if part is None else f" on part {part}"
        raise ValueError(
            f"none of {len(left_out)} runs can be compared by the scores of its "
            f"{weights} weights{where} ({first})"
        )
    separate = [*DISTINCTIONS, _source] if explicit else DISTINCTIONS
    parts = [part for group in groups.values() for part in _split(group, separate)]
    if explicit and len(parts) == 1:
        parts = _by(parts[0], _source)
    repetitions = None if explicit else left_out
    kept = [_first_of_each(_numbered(group), repetitions) for group in parts]
    return _arms(kept, [each.run for each in selected]), left_out


def _key(scored: ScoredRun) -> Hashable:
    record = scored.run.record
    if record.status == NOT_RECORDED or record.config is None:
        return "source", scored.source
    return arm_key(record)


def _source(scored: ScoredRun) -> Hashable:
    return scored.source


# What separates runs of one recipe with the same fold and seed, in this order.
DISTINCTIONS: tuple[Callable[[ScoredRun], Hashable], ...] = (
    lambda scored: _teacher_hashes(scored.run),
    lambda scored: scored.run.record.data.table_sha256,
    lambda scored: scored.run.work_dir.resolve().parent,
)


def _teacher_hashes(run: Run) -> tuple[str, ...]:
    """SHA-256 of the weights of the teachers of a run."""
    return () if run.record.teacher is None else run.record.teacher.sha256


def _by(group: Group, of: Callable[[ScoredRun], Hashable]) -> list[Group]:
    parts: dict[Hashable, Group] = defaultdict(list)
    for scored in group:
        parts[of(scored)].append(scored)
    return list(parts.values())


def _split(
    group: Group, distinctions: Sequence[Callable[[ScoredRun], Hashable]]
) -> list[Group]:
    """Split a group until no two of its runs have the same fold and seed."""
    identities = {scored.identity for scored in group}
    if len(identities) == len(group) or not distinctions:
        return [group]
    first, *others = distinctions
    return [part for each in _by(group, first) for part in _split(each, others)]


def _numbered(group: Group) -> list[tuple[FoldSeed, ScoredRun]]:
    """Fold and seed of each run; unrecorded runs without a seed are numbered."""
    identities = [scored.identity for scored in group]
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
        first, run = kept.setdefault(identity, scored).run, scored.run
        if first is run:
            continue
        if left_out is None:
            raise ValueError(
                f"runs {first.name} and {run.name} of one arm are both {identity}: "
                f"give one of them"
            )
        reason = f"repeats {first.name}: same config, options, fold and seed"
        left_out.append(LeftOut(run, reason))
    return {identity: kept[identity] for identity, _ in group}


def _arms(
    groups: Sequence[Mapping[FoldSeed, ScoredRun]], runs: Sequence[Run]
) -> list[ArmRuns]:
    teachers = {sha for run in runs for sha in _teacher_hashes(run)}
    by_arm = [[each.run for each in group.values()] for group in groups]
    arms = []
    for title, family, group in zip(
        titles_of(by_arm), families_of(by_arm), groups, strict=True
    ):
        of_arm = {identity: each.run for identity, each in group.items()}
        record = next(iter(of_arm.values())).record
        kept = [run.record.weights for run in of_arm.values()]
        weights = {w.sha256 for both in kept for w in (both.best, both.last) if w}
        arms.append(
            ArmRuns(
                arm=Arm(title, {key: each.scores for key, each in group.items()}),
                runs=of_arm,
                family=family,
                ratio=ratio_of(record),
                plain=record.teacher is None and record.teacher_ratio is None,
                is_teacher=not teachers.isdisjoint(weights),
            )
        )
    return arms


class UnknownBaselineError(ValueError):
    """No arm, or several, have the name of the baseline."""


def choose_baseline(arms: Sequence[ArmRuns], name: str | None = None) -> ArmRuns:
    """The arm that the others are compared with.

    Args:
        arms: One arm or more.
        name: Title of the arm, stem of its config, name of one of its runs, or pattern
            of run names; by default the first plain student, otherwise the arm with the
            lowest teacher ratio.

    Raises:
        UnknownBaselineError: No arm fits the name, or several do.
    """
    if name is None:
        students = [arm for arm in arms if not arm.is_teacher] or list(arms)
        plain = [arm for arm in students if arm.plain]
        ratios = [2.0 if arm.ratio is None else arm.ratio for arm in students]
        return plain[0] if plain else students[ratios.index(min(ratios))]
    matches: list[ArmRuns] = []
    for labels in LABELS:
        matches = [
            arm for arm in arms if any(fnmatchcase(e, name) for e in labels(arm))
        ]
        if len(matches) == 1:
            return matches[0]
        if matches:
            break
    listed = "; ".join(arm.title for arm in matches or arms)
    problem = "fits several arms" if matches else "is none of the arms"
    raise UnknownBaselineError(f"--baseline {name} {problem}: {listed}")


LABELS: tuple[Callable[[ArmRuns], list[str]], ...] = (
    lambda arm: [arm.title],
    lambda arm: [Path(arm.record.config or "").stem],
    lambda arm: [run.name for run in arm.runs.values()],
)

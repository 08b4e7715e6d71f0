"""Runs as arms: those that differ in fold and seed alone, with their counts."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_splashkd.evaluation.frame_scores import FrameScores, load_scores
from mmseg_splashkd.report.experiments.found import RunRecord
from mmseg_splashkd.runs.rerun import SUFFIX
from mmseg_splashkd.statistics import Arm, FoldSeed, arm_of, stripped

DAY = re.compile(r"_\d{4}(?=_|$)")


@dataclass(frozen=True, eq=False)
class ArmRuns:
    """Runs that differ in fold and seed alone.

    Args:
        arm: Their counts by fold and seed.
        records: What their ledgers tell, by fold and seed.
        title: For people.
        family: Title without the teacher's share: arms of one line in a plot over it.
        ratio: The teacher's share r in [0, 1]; None without distillation, or where it
            is no number.
        plain: Whether there is no distillation.
        taught: Whether others of these arms learned from its weights.
    """

    arm: Arm
    records: Mapping[FoldSeed, RunRecord]
    title: str
    family: str
    ratio: float | None
    plain: bool
    taught: bool = False

    @property
    def name(self) -> str:
        """Name of its runs without fold and seed."""
        return self.arm.name

    @property
    def record(self) -> Mapping[str, Any]:
        """Of some run."""
        return next(iter(self.records.values())).record


@dataclass(frozen=True, eq=False)
class Aside:
    """A run that has no part in the comparison, and why."""

    run: RunRecord
    why: str


def gather_arms(
    runs: Sequence[RunRecord], part: str = "val", weights: str = "last"
) -> tuple[list[ArmRuns], list[Aside]]:
    """Group the finished runs whose counts are there.

    Args:
        runs: Any.
        part: ``'val'`` or ``'test'``.
        weights: ``'last'`` or ``'best'``.

    Returns:
        Arms in the order of their first runs, and the other runs.

    Raises:
        ValueError: No run has such counts, counts are damaged, or two runs of an arm
            have the same fold and seed.
    """
    aside: list[Aside] = []
    groups: dict[str, list[tuple[RunRecord, FrameScores]]] = defaultdict(list)
    for run in runs:
        why = _unfit(run)
        path = None if why else scores_path(run, part, weights)
        if path is None:
            aside.append(Aside(run, why or _without_scores(run, part, weights)))
        else:
            groups[stripped(run.name)].append((run, load_scores(path)))
    if not groups:
        first = "; ".join(f"{each.run.name}: {each.why}" for each in aside[:3])
        raise ValueError(
            f"none of {len(runs)} runs has finished and left counts of its {weights} "
            f"weights on part {part} ({first})"
        )
    teachers = {sha for run in runs for sha in _teacher_of(run)}
    return [_arm(name, told, teachers) for name, told in groups.items()], aside


def scores_path(run: RunRecord, part: str, weights: str) -> Path | None:
    """The counts that a run left of some frames and weights, if it did."""
    told = run.record.get("scores")
    name = f"scores/{part}_{weights}.npz"
    if part == "val" and told is not None:
        name = told.get(weights)  # None: what lies there is of an earlier run
    path = run.work_dir / name if name else None
    return path if path and path.is_file() else None


def _unfit(run: RunRecord) -> str | None:
    """Why a run belongs to no arm, whatever it left."""
    if run.name.endswith(SUFFIX):
        return f"repeats {run.name.removesuffix(SUFFIX)} (tools/rerun.py)"
    if run.how == "finished":
        return None
    reason = run.record.get("why")
    return f"{run.how}: {reason}" if reason else run.how


def _without_scores(run: RunRecord, part: str, weights: str) -> str:
    where = f"{run.work_dir}/scores/{part}_{weights}.npz"
    if part == "test":
        return (
            f"no counts of its {weights} weights on the test part: tools/test.py with "
            f"--scores {where} makes them"
        )
    return (
        f"no counts of its {weights} weights ({where}): made by a version that kept "
        f"none; train it again (tools/rerun.py)"
    )


def _teacher_of(run: RunRecord) -> Iterator[str]:
    """Hashes of the weights that a run learned from, of one teacher or several."""
    hashes = (run.record.get("teacher") or {}).get("sha256")
    yield from [hashes] if isinstance(hashes, str) else hashes or []


def _arm(
    name: str, told: Sequence[tuple[RunRecord, FrameScores]], teachers: set[str]
) -> ArmRuns:
    arm = arm_of(name, [(run.name, scores) for run, scores in told])
    records = dict(zip(arm.runs, [run for run, _ in told], strict=True))
    record = told[0][0].record
    share = record.get("teacher_ratio")
    ratio = float(share) if isinstance(share, (int, float)) else None
    family = _family(name, record, ratio)
    weights = [
        (kept or {}).get("sha256")
        for run, _ in told
        for kept in (run.record.get("weights") or {}).values()
    ]
    return ArmRuns(
        arm=arm,
        records=records,
        title=family if ratio is None else f"{family}, r = {ratio:g}",
        family=family,
        ratio=ratio,
        plain=share is None,
        taught=bool(teachers.intersection(weights)),
    )


def _family(name: str, record: Mapping[str, Any], ratio: float | None) -> str:
    """Name without day and share, such as ``farm_b0_kd lr0.01``."""
    stem = Path(record.get("config") or "").stem
    if not stem or not name.startswith(stem):
        return name
    rest = DAY.sub("", name.removeprefix(stem), count=1)
    if ratio is not None:
        rest = rest.removeprefix(f"_{round(100 * ratio)}")
    return " ".join([stem, *filter(None, rest.split("_"))])


def choose_baseline(arms: Sequence[ArmRuns], name: str | None = None) -> ArmRuns:
    """The arm that the others are compared with.

    Args:
        arms: At least one.
        name: Its name or title; by default the first plain student, or else the arm
            with the least share of the teacher.

    Raises:
        ValueError: There is no arm of that name.
    """
    if name is not None:
        wanted = stripped(name)
        found = [arm for arm in arms if wanted in (arm.name, arm.title)]
        if not found:
            listed = ", ".join(arm.name for arm in arms)
            raise ValueError(f"--baseline {name} is none of the arms: {listed}")
        return found[0]
    students = [arm for arm in arms if not arm.taught] or list(arms)
    plain = [arm for arm in students if arm.plain]
    return plain[0] if plain else min(students, key=_share)


def _share(arm: ArmRuns) -> float:
    return 2.0 if arm.ratio is None else arm.ratio

"""Is a distilled arm as good as the teacher that taught it?"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mmseg_splashkd.config.text import text_values
from mmseg_splashkd.records.store import Run
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.statistics import Difference, Settings, compare


@dataclass(frozen=True)
class BesideTeacher:
    """The best arm of a teacher, compared with it.

    Args:
        difference: Of the arm from the teacher, with the question whether it is as
            good. The p-value is adjusted for all arms of the teacher.
        taught: Which weights of the teacher taught: ``best`` or ``last``.
        scored: Which of them are scored.
        notes: Caveats of the comparison.
    """

    difference: Difference
    taught: str
    scored: str
    notes: tuple[str, ...]


def beside_teachers(
    arms: Sequence[ArmRuns],
    teachers: Sequence[ArmRuns],
    focus: str,
    settings: Settings | None = None,
) -> Iterator[BesideTeacher]:
    """Compare each teacher with the arms that it has taught; the best of them.

    An arm counts where each of its runs that has the fold and seed of a run of the
    teacher was taught by that run, and is no control (``teacher_control``).

    Args:
        arms: The arms.
        teachers: The teachers.
        focus: Name of the metric.
        settings: Settings of the comparison; the margin is ``worth``.
    """
    settings = settings or Settings()
    asked = replace(settings, metrics=(focus,), equivalent=settings.worth)
    for teacher in teachers:
        taught = [(arm, by) for arm in arms if (by := _taught_by(arm, teacher))]
        if not taught:
            continue
        found = compare([teacher.arm, *(arm.arm for arm, _ in taught)], asked)
        best = max(found.differences, key=_value)
        (by,) = (by for arm, by in taught if arm.title == best.arm)
        scored = str(teacher.arm.first.about.get("weights") or by)
        notes = [
            note
            for note in found.notes
            if f"in {best.arm} (" in note or note.startswith("The runs differ")
        ]
        yield BesideTeacher(best, by, scored, tuple(notes))


def _value(difference: Difference) -> float:
    return -math.inf if math.isnan(difference.value) else difference.value


def _taught_by(arm: ArmRuns, teacher: ArmRuns) -> str | None:
    """``best`` or ``last``, the weights that taught all common runs; None otherwise."""
    common = [key for key in arm.runs if key in teacher.runs]
    kinds = {_weights_of(arm.runs[key], teacher.runs[key]) for key in common}
    return kinds.pop() if len(kinds) == 1 else None


def _weights_of(run: Run, teacher: Run) -> str | None:
    own, kept = run.record.teacher, teacher.record.weights
    if own is None or _is_control(run):
        return None
    for kind, weights in (("last", kept.last), ("best", kept.best)):
        if weights is not None and weights.sha256 in own.sha256:
            return kind
    return None


def _is_control(run: Run) -> bool:
    try:
        model = text_values(run.record.config_text or "").get("model") or {}
    except ValueError:  # of an older run, whose config has more than values
        return False
    return model.get("teacher_control") is not None

"""What the arms' counts tell: scores, differences from the baseline, verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_splashkd.report.experiments.arms import ArmRuns, Aside
from mmseg_splashkd.statistics import (
    ArmScores,
    Comparison,
    Difference,
    Settings,
    compare,
)
from mmseg_splashkd.statistics.arms import common_runs, lay_out
from mmseg_splashkd.statistics.metrics import areas_of, parse_metric


@dataclass(frozen=True, eq=False)
class Findings:
    """Arms compared with a baseline.

    Args:
        arms: The baseline, then the others by their difference, the best first.
        teachers: Arms that taught others: compared with the baseline one by one, and
            in no ranking.
        focus: The metric that ranks, Dice of the class looked at.
        comparison: Of ``arms``.
        of_teachers: Of the baseline and each teacher.
    """

    arms: tuple[ArmRuns, ...]
    teachers: tuple[ArmRuns, ...]
    focus: str
    comparison: Comparison
    of_teachers: tuple[Comparison, ...]

    @property
    def baseline(self) -> ArmRuns:
        """What the others are compared with."""
        return self.arms[0]

    @property
    def best(self) -> ArmRuns:
        """The arm with the highest Dice, as measured: maybe the baseline."""
        first = self.arms[1] if len(self.arms) > 1 else self.baseline
        found = self.difference(first)
        return first if found is not None and found.value > 0 else self.baseline

    @property
    def shown(self) -> tuple[ArmRuns, ...]:
        """All arms, teachers last."""
        return self.arms + self.teachers

    def scores(self, arm: ArmRuns) -> ArmScores:
        """Scores of an arm with their intervals."""
        told = [self.comparison, *self.of_teachers]
        return next(s for each in told for s in each.arms if s.name == arm.name)

    def difference(self, arm: ArmRuns, metric: str | None = None) -> Difference | None:
        """Of an arm from the baseline, by default in ``focus``; None of itself."""
        told = [self.comparison, *self.of_teachers]
        wanted = arm.name, metric or self.focus
        found = [d for each in told for d in each.differences]
        return next((d for d in found if (d.arm, d.metric) == wanted), None)


def judge(
    baseline: ArmRuns, others: Sequence[ArmRuns], settings: Settings | None = None
) -> tuple[Findings, list[Aside]]:
    """Compare arms with a baseline.

    Args:
        baseline: One of them.
        others: The rest; one without a fold and seed in common with the baseline
            cannot be compared.
        settings: How; see there.

    Returns:
        What was found, and the runs of arms that could not be compared.

    Raises:
        ValueError: Arms were tested on different frames, classes or labels.
    """
    aside: list[Aside] = []
    paired = []
    for other in others:
        try:
            common_runs([baseline.arm, other.arm])
            paired.append(other)
        except ValueError as error:
            aside += [Aside(run, str(error)) for run in other.records.values()]
    students = [arm for arm in paired if not arm.taught]
    teachers = [arm for arm in paired if arm.taught]
    comparison = compare([baseline.arm, *(arm.arm for arm in students)], settings)
    focus = f"Dice.{baseline.arm.first.focus}"
    value = {d.arm: d.value for d in comparison.differences if d.metric == focus}
    students.sort(key=lambda arm: -np.nan_to_num(value[arm.name], nan=-np.inf))
    return Findings(
        arms=(baseline, *students),
        teachers=tuple(teachers),
        focus=focus,
        comparison=comparison,
        of_teachers=tuple(compare([baseline.arm, t.arm], settings) for t in teachers),
    ), aside


def class_scores(arm: ArmRuns) -> dict[str, dict[str, float]]:
    """IoU, Dice, precision and recall of each class in percent, mean over runs.

    Runs are pooled over folds where these validate frames of their own, as in
    ``compare``; NaN where a class is absent.
    """
    classes = arm.arm.first.classes
    areas = lay_out(arm.arm, common_runs([arm.arm])).areas.sum(1)
    hit, predicted, labelled = np.moveaxis(areas, -2, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = (100 * hit / of for of in (predicted, labelled))
    by_class = {}
    for index, name in enumerate(classes):
        scores = {
            kind: parse_metric(f"{kind}.{name}", classes).of(areas)
            for kind in ("IoU", "Dice")
        }
        scores |= {"Precision": precision[:, index], "Recall": recall[:, index]}
        by_class[name] = {kind: float(value.mean()) for kind, value in scores.items()}
    return by_class


def confusion_of(arm: ArmRuns) -> np.ndarray:
    """(C, C) pixels of all frames of all runs; rows are true, columns found classes."""
    return np.sum([scores.confusion.sum(0) for scores in arm.arm.runs.values()], 0)


def score_by_fold(arm: ArmRuns, metric: str) -> dict[int | None, float]:
    """Score in percent of each fold's frames, mean over seeds."""
    of = parse_metric(metric, arm.arm.first.classes).of
    scores: dict[int | None, list[float]] = {}
    for cell, run in arm.arm.runs.items():
        value = float(of(areas_of(run.confusion.sum(0))))
        scores.setdefault(cell.fold, []).append(value)
    ordered = sorted(scores, key=lambda fold: -1 if fold is None else fold)
    return {fold: float(np.mean(scores[fold])) for fold in ordered}

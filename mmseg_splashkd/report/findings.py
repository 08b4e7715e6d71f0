"""Arms compared with a baseline: scores, differences and verdicts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mmseg_splashkd.evaluation.areas import frame_dice
from mmseg_splashkd.records.record import Cost
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.beside_teachers import BesideTeacher, beside_teachers
from mmseg_splashkd.report.operating_arms import Hidden
from mmseg_splashkd.report.scored_runs import LeftOut
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
        arms: The baseline, then the others in falling order of their difference.
        teachers: Arms from whose weights others are distilled: each is compared with
            the baseline alone, and none is ranked.
        focus: Name of the metric for ranking: Dice of the focus class.
        comparison: Comparison of ``arms``.
        of_teachers: Comparison of the baseline with each teacher.
        beside_teachers: The best arm of each teacher, and whether it is as good.
        hidden: What argmax hides of the focus class; None where it hides nothing, or
            the figures are at operating points by request.
    """

    arms: tuple[ArmRuns, ...]
    teachers: tuple[ArmRuns, ...]
    focus: str
    comparison: Comparison
    of_teachers: tuple[Comparison, ...]
    beside_teachers: tuple[BesideTeacher, ...] = ()
    hidden: Hidden | None = None

    @property
    def baseline(self) -> ArmRuns:
        """The arm that the others are compared with."""
        return self.arms[0]

    @property
    def best(self) -> ArmRuns:
        """The arm with the highest measured Dice; may be the baseline."""
        first = self.arms[1] if len(self.arms) > 1 else self.baseline
        difference = self.difference(first)
        if difference is not None and difference.value > 0:
            return first
        return self.baseline

    @property
    def shown(self) -> tuple[ArmRuns, ...]:
        """All arms, teachers last."""
        return self.arms + self.teachers

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, the one that ranks first."""
        return sorted(self.comparison.metrics, key=lambda name: name != self.focus)

    def scores(self, arm: ArmRuns) -> ArmScores:
        """Scores of an arm with their intervals."""
        comparisons = [self.comparison, *self.of_teachers]
        return next(s for each in comparisons for s in each.arms if s.name == arm.title)

    def difference(self, arm: ArmRuns, metric: str | None = None) -> Difference | None:
        """Difference of an arm from the baseline; None for the baseline itself.

        Args:
            arm: One of ``shown``.
            metric: Name of the metric, by default ``focus``.
        """
        key = arm.title, metric or self.focus
        comparisons = [self.comparison, *self.of_teachers]
        candidates = (d for each in comparisons for d in each.differences)
        return next((d for d in candidates if (d.arm, d.metric) == key), None)


def judge(
    baseline: ArmRuns, others: Sequence[ArmRuns], settings: Settings | None = None
) -> tuple[Findings, list[LeftOut]]:
    """Compare arms with a baseline.

    Args:
        baseline: The baseline.
        others: The other arms; one without a fold and seed in common with the baseline
            is left out.
        settings: Options of the comparison; by default those of ``Settings()``.

    Returns:
        The findings, and the runs of arms that cannot be compared.

    Raises:
        ValueError: Arms were tested on different frames, classes or labels.
    """
    left_out: list[LeftOut] = []
    paired = []
    for other in others:
        try:
            common_runs([baseline.arm, other.arm])
            paired.append(other)
        except ValueError as error:
            left_out += [LeftOut(run, str(error)) for run in other.runs.values()]
    students = [arm for arm in paired if not arm.is_teacher]
    teachers = [arm for arm in paired if arm.is_teacher]
    comparison = compare([baseline.arm, *(arm.arm for arm in students)], settings)
    focus = f"Dice.{baseline.arm.first.focus}"
    value = {d.arm: d.value for d in comparison.differences if d.metric == focus}
    students.sort(key=lambda arm: -np.nan_to_num(value[arm.title], nan=-np.inf))
    return Findings(
        arms=(baseline, *students),
        teachers=tuple(teachers),
        focus=focus,
        comparison=comparison,
        of_teachers=tuple(compare([baseline.arm, t.arm], settings) for t in teachers),
        beside_teachers=tuple(
            beside_teachers((baseline, *students), teachers, focus, settings)
        ),
    ), left_out


def class_scores(arm: ArmRuns) -> dict[str, dict[str, float]]:
    """IoU, Dice, precision and recall of each class in percent, mean over runs.

    Runs are pooled over folds that validate disjoint frames, as in ``compare``; NaN
    where a class is absent.
    """
    classes = arm.arm.first.classes
    areas = lay_out(arm.arm, common_runs([arm.arm])).areas.sum(1)
    intersection, predicted, labelled = np.moveaxis(areas, -2, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = (100 * intersection / of for of in (predicted, labelled))
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
    """(C, C) int pixels of all frames of all runs: rows true, columns predicted."""
    return np.sum([scores.confusion.sum(0) for scores in arm.arm.runs.values()], 0)


def dice_by_frame(arm: ArmRuns) -> float:
    """Dice of the focus class in percent, mean over frames first, then over runs.

    Frames without the class in truth and prediction are excluded, as in nnU-Net (see
    ``frame_dice``); all others have equal weight whatever their size. Runs are pooled
    over folds as in ``class_scores``.
    """
    areas = lay_out(arm.arm, common_runs([arm.arm])).areas
    dice = frame_dice(torch.from_numpy(areas))[..., arm.arm.first.focus_index]
    return 100 * float(dice.nanmean(1).mean())


def sizes_differ(arms: Iterable[ArmRuns]) -> bool:
    """Whether the frames of a run differ in size; scores of old runs do not tell."""
    runs = (run for arm in arms for run in arm.arm.runs.values())
    return any((run.about.get("frame_sizes") or 1) > 1 for run in runs)


def pixel_accuracy(arm: ArmRuns) -> float:
    """Correct pixels in percent of the counted ones, all runs together."""
    confusion = confusion_of(arm)
    return float(100 * np.trace(confusion) / max(1, confusion.sum()))


def cost_of(arm: ArmRuns) -> Cost | None:
    """Cost per frame that a run of the arm records; None where none was measured."""
    costs = (run.record.cost for run in arm.runs.values())
    return next((cost for cost in costs if cost is not None), None)


def score_by_fold(arm: ArmRuns, metric: str) -> dict[int | None, float]:
    """Score in percent on the frames of each fold, mean over seeds.

    Args:
        arm: The arm.
        metric: Name of the metric, such as ``mIoU``.

    Returns:
        Fold -> score, sorted by fold.
    """
    of = parse_metric(metric, arm.arm.first.classes).of
    scores: dict[int | None, list[float]] = {}
    for identity, run in arm.arm.runs.items():
        value = float(of(areas_of(run.confusion.sum(0))))
        scores.setdefault(identity.fold, []).append(value)
    ordered = sorted(scores, key=lambda fold: -1 if fold is None else fold)
    return {fold: float(np.mean(scores[fold])) for fold in ordered}

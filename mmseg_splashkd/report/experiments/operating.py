"""Arms at their operating points: by thresholds that were chosen on other frames."""

from collections.abc import Sequence
from dataclasses import replace

from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.report.experiments.arms import ArmRuns, scores_path
from mmseg_splashkd.statistics.thresholds import (
    at_cross_fitted_thresholds,
    at_validation_thresholds,
)


def at_operating_points(
    arms: Sequence[ArmRuns], part: str, weights: str
) -> list[ArmRuns]:
    """Decide each run at a threshold of its own instead of by argmax.

    Args:
        arms: With the counts of ``part`` and ``weights``.
        part: ``'val'``: thresholds are those of an arm's other folds; ``'test'``: of
            the run's own validation part.
        weights: ``'last'`` or ``'best'``.

    Raises:
        ValueError: No such threshold can be chosen.
    """
    if part == "val":
        return [replace(arm, arm=at_cross_fitted_thresholds(arm.arm)) for arm in arms]
    return [_at_stored(arm, weights) for arm in arms]


def _at_stored(arm: ArmRuns, weights: str) -> ArmRuns:
    chosen_on = {}
    for cell, run in arm.records.items():
        path = scores_path(run, "val", weights)
        if path is None:
            raise ValueError(
                f"run {run.name} left no counts of its {weights} weights on the "
                f"validation part, on which its threshold would be chosen"
            )
        chosen_on[cell] = load_scores(path)
    return replace(arm, arm=at_validation_thresholds(arm.arm, chosen_on))

"""Arms evaluated at operating points whose thresholds are chosen on other frames."""

from collections.abc import Sequence
from dataclasses import replace

from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.statistics.thresholds import (
    at_cross_fitted_thresholds,
    at_validation_thresholds,
)


def at_operating_points(arms: Sequence[ArmRuns], weights: str) -> list[ArmRuns]:
    """Replace argmax by a threshold of each run's own.

    A run on the validation part gets the threshold that is best on the arm's other
    folds, a run on the test part the one that is best on its own validation part. No
    threshold is chosen on the frames that it is scored on.

    Args:
        arms: Arms with scores of one part.
        weights: ``'last'`` or ``'best'``.

    Raises:
        ValueError: No such threshold can be chosen.
    """
    if all(arm.arm.first.about.get("part") == "val" for arm in arms):
        return [replace(arm, arm=at_cross_fitted_thresholds(arm.arm)) for arm in arms]
    return [_at_stored(arm, weights) for arm in arms]


def _at_stored(arm: ArmRuns, weights: str) -> ArmRuns:
    chosen_on = {}
    for identity, run in arm.runs.items():
        path = run.scores_path("val", weights)
        if path is None:
            raise ValueError(
                f"run {run.name} has no scores of its {weights} weights on the "
                f"validation part, on which its threshold is chosen"
            )
        chosen_on[identity] = load_scores(path)
    return replace(arm, arm=at_validation_thresholds(arm.arm, chosen_on))

"""Arms whose runs are decided at thresholds of their own instead of by argmax."""

from collections.abc import Sequence
from pathlib import Path

from mmseg_splashkd.report.comparison.runs import read_arms
from mmseg_splashkd.statistics import Arm
from mmseg_splashkd.statistics.thresholds import (
    at_cross_fitted_thresholds,
    at_validation_thresholds,
)


def read_arms_at_operating_points(
    paths: Sequence[str | Path], part: str | None = None, weights: str = "last"
) -> list[Arm]:
    """Read the runs of arms, and decide each at its operating point.

    The test part is decided at the threshold that is best on the run's own validation
    part; the validation part of folds at that of the arm's other folds. So no threshold
    is chosen on the frames that it is scored on.

    Args:
        paths: See ``read_arms``, as ``part`` and ``weights``.
        part: ``test`` or ``val``.
        weights: ``last`` or ``best``.

    Raises:
        FileNotFoundError: Scores are missing.
        ValueError: No such threshold can be chosen; see
            ``evaluation.significance.operating``.
    """
    arms = read_arms(paths, part, weights)
    if all(arm.first.about.get("part") == "val" for arm in arms):
        return [at_cross_fitted_thresholds(arm) for arm in arms]
    chosen_on = read_arms(paths, "val", weights)
    return [
        at_validation_thresholds(arm, validated.runs)
        for arm, validated in zip(arms, chosen_on, strict=True)
    ]

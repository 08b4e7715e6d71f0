"""Scores over teacher_ratio, one plot per family of arms."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.figures import NEUTRAL, grid, line_style, svg_figure
from mmseg_splashkd.report.findings import score_by_fold

Points = dict[float, dict[int | None, float]]  # ratio -> fold -> score in percent


class RatioCurve(NamedTuple):
    """One plot.

    Attributes:
        family: Family of the arms, which differ in their ratio.
        svg: The plot.
        points: Ratio -> fold -> score in percent; the ratio of the baseline is 0.
    """

    family: str
    svg: Markup
    points: Points


def ratio_curves(
    baseline: ArmRuns, arms: Sequence[ArmRuns], metric: str
) -> list[RatioCurve]:
    """Draw a score over teacher_ratio, on one scale for all plots.

    Thin lines are folds (each the mean over seeds), the thick line is their mean, the
    band extends from the lowest fold to the highest. The baseline is drawn at r = 0.

    Args:
        baseline: Drawn in each plot if it is plain or has r = 0.
        arms: All arms, including the baseline; arms without a constant ratio are
            skipped.
        metric: Name of the metric, such as ``mIoU``.
    """
    shared = baseline.plain or baseline.ratio == 0
    anchor = score_by_fold(baseline, metric) if shared else {}
    families: dict[str, Points] = defaultdict(dict)
    for arm in arms:
        if arm.ratio is not None:
            families[arm.family][arm.ratio] = score_by_fold(arm, metric)
    for family, points in families.items():
        if anchor:
            points.setdefault(0.0, anchor)
        families[family] = dict(sorted(points.items()))
    every = [
        score for of in families.values() for p in of.values() for score in p.values()
    ]
    limits = _limits(every)
    return [
        RatioCurve(family, _draw(points, anchor, index, metric, limits), points)
        for index, (family, points) in enumerate(families.items())
    ]


def _limits(scores: Sequence[float]) -> tuple[float, float]:
    finite = [score for score in scores if not np.isnan(score)]
    if not finite:
        return 0.0, 100.0
    margin = max(0.5, 0.06 * (max(finite) - min(finite)))
    return min(finite) - margin, max(finite) + margin


def _draw(
    points: Points,
    anchor: Mapping[int | None, float],
    index: int,
    metric: str,
    limits: tuple[float, float],
) -> Markup:
    color, _ = line_style(index + 1)  # the first style is that of the baseline
    with svg_figure((5.0, 3.3), f"{metric}{index}") as drawn:
        axes = drawn.axes
        scores = [list(folds.values()) for folds in points.values()]
        band = [min(each) for each in scores], [max(each) for each in scores]
        axes.fill_between(list(points), *band, color=color, alpha=0.16, linewidth=0)
        for fold in dict.fromkeys(fold for folds in points.values() for fold in folds):
            of_fold = {r: folds[fold] for r, folds in points.items() if fold in folds}
            style = {"color": color, "linewidth": 0.9, "alpha": 0.55}
            axes.plot(list(of_fold), list(of_fold.values()), **style)
        means = [float(np.mean(each)) for each in scores]
        style = {"color": color, "linewidth": 2.4, "marker": "o", "markersize": 5}
        axes.plot(list(points), means, **style)
        if anchor:
            mean = float(np.mean(list(anchor.values())))
            axes.axhline(mean, color=NEUTRAL, linewidth=1, linestyle=(0, (4, 3)))
            axes.plot(0, mean, "o", color=NEUTRAL, markersize=6, zorder=5)
        axes.set_xlim(-0.04, 1.04)
        axes.set_ylim(*limits)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel("teacher_ratio r")
        grid(axes)
    return drawn.svg

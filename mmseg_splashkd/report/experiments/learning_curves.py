"""How arms learned: the mean of their runs, and each run as a thin line."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from mmseg_splashkd.report.curves import (
    STYLE,
    dash_pattern,
    label_iterations,
    line_style,
    to_svg,
)
from mmseg_splashkd.report.experiments.arms import ArmRuns
from mmseg_splashkd.report.experiments.statistics import Findings
from mmseg_splashkd.report.runs import logged

SHOWN = 6  # arms: more lines than colours would not be told apart
STEPS = 150  # points of a line; more would make a page large, not clearer

Curve = tuple[np.ndarray, np.ndarray]  # steps, values


def arms_to_draw(findings: Findings) -> list[ArmRuns]:
    """The baseline, then the best arm of each family, then the next best."""
    baseline, *others = findings.arms
    leaders = {arm.family: arm for arm in reversed(others)}
    first = [arm for arm in others if arm in leaders.values()]
    rest = [arm for arm in others if arm not in first]
    chosen = [*first, *rest][: SHOWN - 1]
    return [baseline, *(arm for arm in others if arm in chosen)]


def learning_curves(arms: Sequence[ArmRuns], key: str) -> Markup:
    """Draw one logged quantity over the iterations.

    Args:
        arms: At most ``SHOWN``; their order decides their colours.
        key: Name in the log, such as ``loss``.

    Returns:
        An ``<svg>`` element; empty if no run logged it more than once.
    """
    lines = [
        [_curve(run.work_dir, key) for run in arm.records.values()] for arm in arms
    ]
    if not any(len(steps) > 1 for of_arm in lines for steps, _ in of_arm):
        return Markup("")
    with mpl.rc_context(STYLE), mpl.rc_context({"svg.hashsalt": f"arms {key}"}):
        figure = Figure(figsize=(5.4, 3.5), layout="constrained")
        axes = figure.add_subplot()
        for index, of_arm in enumerate(lines):
            color, dashes = line_style(index)
            pattern = dash_pattern(dashes)
            for steps, values in of_arm:
                axes.plot(steps, values, color=color, linewidth=0.7, alpha=0.35)
            steps, values = _mean(of_arm)
            axes.plot(steps, values, color=color, linewidth=2.1, linestyle=pattern)
        label_iterations(axes)
        return Markup(to_svg(figure))


def _curve(work_dir, key: str) -> Curve:
    steps, values = (np.array(each) for each in logged(work_dir, key))
    if len(steps) <= STEPS:
        return steps, values
    # Means of neighbours, which say of a noisy line what a reader would see.
    groups = np.array_split(np.arange(len(steps)), STEPS)
    return (
        np.array([steps[group[-1]] for group in groups]),
        np.array([values[group].mean() for group in groups]),
    )


def _mean(curves: Sequence[Curve]) -> Curve:
    """At the steps that all runs that logged anything have in common."""
    curves = [curve for curve in curves if len(curve[0])]
    if not curves:
        return np.array([]), np.array([])
    known = [dict(zip(*curve, strict=True)) for curve in curves]
    steps = sorted(set.intersection(*(set(each) for each in known)))
    return np.array(steps), np.array([np.mean([k[s] for k in known]) for s in steps])

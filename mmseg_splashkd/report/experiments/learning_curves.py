"""Training curves of arms: the mean over their runs, and each run as a thin line."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from mmseg_splashkd.records.record import RunRecord
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.experiments.crossing import Curve
from mmseg_splashkd.report.figures import grid, line, svg_figure
from mmseg_splashkd.report.findings import Findings
from mmseg_splashkd.report.logs import logged

SHOWN = 6  # arms: there are as many line styles
STEPS = 150  # points per line; more enlarge the page without being visible
MARKED = 12  # points per line up to which each is marked


def arms_to_draw(findings: Findings) -> list[ArmRuns]:
    """The baseline, the best arm of each family, the next best, and then teachers."""
    baseline, *others = findings.arms
    leaders = {arm.family: arm for arm in reversed(others)}
    first = [arm for arm in others if arm in leaders.values()]
    rest = [arm for arm in others if arm not in first]
    chosen = [*first, *rest][: SHOWN - 1]
    students = [baseline, *(arm for arm in others if arm in chosen)]
    return [*students, *findings.teachers[: SHOWN - len(students)]]


def learning_curves(arms: Sequence[ArmRuns], key: str, charged: bool = False) -> Markup:
    """Draw one logged quantity over the iterations.

    Args:
        arms: At most ``SHOWN`` arms; their order selects the line styles.
        key: Name in the log, such as ``loss``.
        charged: Draw it over the time that the runs are charged instead, which their
            records hold.

    Returns:
        An ``<svg>`` element; empty if no run logged the quantity more than once.
    """
    lines = [[_curve(run.work_dir, key) for run in arm.runs.values()] for arm in arms]
    if not any(len(steps) > 1 for of_arm in lines for steps, _ in of_arm):
        return Markup("")
    salt = " ".join([key, str(charged), *(arm.title for arm in arms)])
    with svg_figure((5.4, 3.5), salt) as drawn:
        axes = drawn.axes
        for index, of_arm in enumerate(lines):
            record = arms[index].record
            style = line(index)
            if len(of_arm) > 1:
                thin = {"color": style["color"], "linewidth": 0.7, "alpha": 0.35}
                for curve in of_arm:
                    axes.plot(*(over_time(curve, record) if charged else curve), **thin)
            mean = _mean(of_arm)
            marker = "o" if len(mean[0]) <= MARKED else ""
            drawn_mean = over_time(mean, record) if charged else mean
            axes.plot(
                *drawn_mean, linewidth=2.1, marker=marker, markersize=3.5, **style
            )
        axes.set_xlabel("charged time (s)" if charged else "iteration")
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        grid(axes)
    return drawn.svg


def mean_curve(arm: ArmRuns, key: str) -> Curve:
    """Mean of a logged quantity over the runs of an arm, over the iterations."""
    return _mean([_curve(run.work_dir, key) for run in arm.runs.values()])


def over_time(curve: Curve, record: RunRecord) -> Curve:
    """A curve over the iterations, over the seconds that a run is charged instead."""
    charge = record.charge
    assert charge is not None
    steps, values = curve
    return charge.teacher_s + charge.cache_s + charge.step_s * steps, values


def _curve(work_dir: Path, key: str) -> Curve:
    steps, values = (np.array(each) for each in logged(work_dir, key))
    if len(steps) <= STEPS:
        return steps, values
    # Means of neighbouring steps show the trend of a noisy line.
    groups = np.array_split(np.arange(len(steps)), STEPS)
    return (
        np.array([steps[group[-1]] for group in groups]),
        np.array([values[group].mean() for group in groups]),
    )


def _mean(curves: Sequence[Curve]) -> Curve:
    """Mean at the steps that all runs with a log have in common."""
    curves = [curve for curve in curves if len(curve[0])]
    if not curves:
        return np.array([]), np.array([])
    values = [dict(zip(*curve, strict=True)) for curve in curves]
    steps = sorted(set.intersection(*(set(each) for each in values)))
    return np.array(steps), np.array([np.mean([v[s] for v in values]) for s in steps])

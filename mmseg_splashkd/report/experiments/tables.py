"""The arms in figures: for the page, and in Markdown for a README."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mmseg_splashkd.report.experiments.arms import ArmRuns
from mmseg_splashkd.report.experiments.statistics import Findings
from mmseg_splashkd.report.runs import number
from mmseg_splashkd.statistics import Difference, Interval


@dataclass(frozen=True)
class Figure:
    """A figure of a table.

    Args:
        value: Such as ``71.3`` or ``+0.8``.
        interval: Such as ``68.9 to 73.7``; empty where there is none.
        verdict: Of a difference; empty of a score.
    """

    value: str
    interval: str = ""
    verdict: str = ""

    def __str__(self) -> str:
        return f"{self.value} ({self.interval})" if self.interval else self.value


@dataclass(frozen=True)
class Row:
    """One arm.

    Args:
        arm: The arm.
        tags: ``baseline``, ``teacher``, ``highest``.
        runs: ``3 folds`` or ``3 folds x 2 seeds``.
        frames: How many it was tested on.
        scores: By metric.
        differences: By metric; empty for the baseline.
    """

    arm: ArmRuns
    tags: tuple[str, ...]
    runs: str
    frames: int
    scores: dict[str, Figure]
    differences: dict[str, Figure]


def metrics_of(findings: Findings) -> list[str]:
    """Names of the metrics, the one that ranks first."""
    others = [m for m in findings.comparison.metrics if m != findings.focus]
    return [findings.focus, *others]


def rows_of(findings: Findings) -> list[Row]:
    """The baseline, the other arms from the best to the worst, teachers."""
    return [_row(findings, arm) for arm in findings.shown]


def _row(findings: Findings, arm: ArmRuns) -> Row:
    scores = findings.scores(arm)
    found = {name: findings.difference(arm, name) for name in metrics_of(findings)}
    tags = {
        "baseline": arm is findings.baseline,
        "teacher": arm.taught,
        "highest": arm is findings.best and len(findings.arms) > 1,
    }
    return Row(
        arm=arm,
        tags=tuple(tag for tag, fits in tags.items() if fits),
        runs=count_of_runs(arm),
        frames=scores.frames,
        scores={
            name: Figure(number(scores.scores[name], 1), _ends(scores.intervals[name]))
            for name in found
        },
        differences={
            name: difference_figure(each) for name, each in found.items() if each
        },
    )


def count_of_runs(arm: ArmRuns) -> str:
    """``3 folds x 2 seeds``, or how many runs there are."""
    folds = {cell.fold for cell in arm.arm.runs}
    seeds = {cell.seed for cell in arm.arm.runs}
    count = len(arm.arm.runs)
    if count == 1 or len(folds) * len(seeds) != count:
        return _plural(count, "run")
    told = [_plural(len(folds), "fold")] if len(folds) > 1 else []
    told += [_plural(len(seeds), "seed")] if len(seeds) > 1 else []
    return " x ".join(told)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _ends(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.low:.1f} to {interval.high:.1f}"


def difference_figure(found: Difference) -> Figure:
    """A difference in points, with its sign."""
    if found.interval is None:
        return Figure(_signed(found.value), "", found.verdict)
    ends = _signed(found.interval.low), _signed(found.interval.high)
    return Figure(_signed(found.value), " to ".join(ends), found.verdict)


def _signed(value: float) -> str:
    """With one decimal, as all figures of a table: ``+0.8``."""
    if math.isnan(value):
        return "n/a"
    text = f"{value:+.1f}"
    return "0.0" if float(text) == 0 else minus(text)


def minus(text: str) -> str:
    """With the sign that is as wide as a plus."""
    return text.replace("-", "\N{MINUS SIGN}")


def markdown_table(findings: Findings, conditions: Sequence[str]) -> str:
    """The arms as a Markdown table.

    Args:
        findings: What was found.
        conditions: How the figures were had, a paragraph each, for below the table.
    """
    metrics = metrics_of(findings)
    heads = ["Arm", "Runs", "Frames", *(f"{name_of(m)} (%)" for m in metrics)]
    heads += [f"{name_of(metric)}, points from the baseline" for metric in metrics]
    lines = [heads, ["---"] * len(heads)]
    for row in rows_of(findings):
        tags = [tag for tag in row.tags if tag != "highest"]
        title = f"{row.arm.title} ({', '.join(tags)})" if tags else row.arm.title
        cells = [title, row.runs, f"{row.frames:,}"]
        cells += [str(row.scores[metric]) for metric in metrics]
        for metric in metrics:
            found = row.differences.get(metric)
            cells.append("" if found is None else f"{found}: {found.verdict}")
        lines.append(cells)
    table = "\n".join(f"| {' | '.join(map(_escaped, line))} |" for line in lines)
    return "\n\n".join([table, *conditions]) + "\n"


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def name_of(metric: str) -> str:
    """``Dice.splash`` as people say it: ``Dice of splash``."""
    kind, _, label = metric.partition(".")
    return f"{kind} of {label}" if label else kind

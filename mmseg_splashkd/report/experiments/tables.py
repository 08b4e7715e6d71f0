"""The table of arms: for the page, in Markdown, and in the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.findings import Findings, cost_of, pixel_accuracy
from mmseg_splashkd.report.formatting import number, plural, signed
from mmseg_splashkd.statistics import Difference, Interval


@dataclass(frozen=True)
class Figure:
    """A score or a difference.

    Args:
        value: Such as ``71.3`` or ``+0.8``.
        interval: Such as ``68.9 to 73.7``; empty where there is none.
        verdict: Verdict on a difference; empty for a score.
    """

    value: str
    interval: str = ""
    verdict: str = ""

    def __str__(self) -> str:
        return f"{self.value} ({self.interval})" if self.interval else self.value


@dataclass(frozen=True)
class ArmRow:
    """The row of one arm.

    Args:
        arm: The arm.
        tags: ``baseline``, ``teacher``, ``highest``.
        runs: Such as ``3 folds`` or ``3 folds x 2 seeds``.
        frames: Number of frames.
        scores: Score by metric.
        differences: Difference from the baseline by metric; empty for the baseline.
        extras: Pixel accuracy and cost per frame by heading; empty unless an arm has a
            recorded cost.
    """

    arm: ArmRuns
    tags: tuple[str, ...]
    runs: str
    frames: int
    scores: dict[str, Figure]
    differences: dict[str, Figure]
    extras: dict[str, str] = field(default_factory=dict)


def metrics_of(findings: Findings) -> list[str]:
    """Names of the metrics, the one that ranks first."""
    others = [m for m in findings.comparison.metrics if m != findings.focus]
    return [findings.focus, *others]


def rows_of(findings: Findings) -> list[ArmRow]:
    """Rows of the baseline, of the other arms from best to worst, and of teachers."""
    return [_row(findings, arm) for arm in findings.shown]


def _row(findings: Findings, arm: ArmRuns) -> ArmRow:
    scores = findings.scores(arm)
    differences = {name: findings.difference(arm, name) for name in scores.scores}
    tags = {
        "baseline": arm is findings.baseline,
        "teacher": arm.is_teacher,
        "highest": arm is findings.best and len(findings.arms) > 1,
    }
    return ArmRow(
        arm=arm,
        tags=tuple(tag for tag, applies in tags.items() if applies),
        runs=count_of_runs(arm),
        frames=scores.frames,
        scores={
            name: Figure(number(value, 1), _ends(scores.intervals[name]))
            for name, value in scores.scores.items()
        },
        differences={
            name: difference_figure(each) for name, each in differences.items() if each
        },
        extras=_extras(findings, arm),
    )


def _extras(findings: Findings, arm: ArmRuns) -> dict[str, str]:
    if not any(cost_of(each) for each in findings.shown):
        return {}
    cost = cost_of(arm)
    return {
        "Pixel accuracy (%)": number(pixel_accuracy(arm)),
        "Parameters (M)": number(cost and cost.parameters / 1e6),
        "GMACs": number(cost and cost.gmacs),
        "ms/frame": number(cost and cost.ms_per_frame, 1),
    }


def devices(findings: Findings) -> list[str]:
    """Devices on which the cost per frame is measured."""
    costs = [cost_of(arm) for arm in findings.shown]
    return list(dict.fromkeys(cost.device for cost in costs if cost))


def count_of_runs(arm: ArmRuns) -> str:
    """``3 folds x 2 seeds``, or the number of runs."""
    folds = {identity.fold for identity in arm.arm.runs}
    seeds = {identity.seed for identity in arm.arm.runs}
    count = len(arm.arm.runs)
    if count == 1 or len(folds) * len(seeds) != count:
        return plural(count, "run")
    parts = [plural(len(folds), "fold")] if len(folds) > 1 else []
    parts += [plural(len(seeds), "seed")] if len(seeds) > 1 else []
    return " x ".join(parts)


def _ends(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.low:.1f} to {interval.high:.1f}"


def difference_figure(difference: Difference) -> Figure:
    """A difference in points with its sign, interval and verdict."""
    value, interval = signed(difference.value), difference.interval
    if interval is None:
        return Figure(value, "", difference.verdict)
    ends = f"{signed(interval.low)} to {signed(interval.high)}"
    return Figure(value, ends, difference.verdict)


def markdown_table(findings: Findings, conditions: Sequence[str]) -> str:
    """The arms as a Markdown table.

    Args:
        findings: The findings.
        conditions: Paragraphs below the table: how the figures were obtained.
    """
    metrics = metrics_of(findings)
    rows = rows_of(findings)
    heads = ["Arm", "Runs", "Frames", *(f"{name_of(m)} (%)" for m in metrics)]
    heads += [f"{name_of(metric)}, points from the baseline" for metric in metrics]
    heads += rows[0].extras
    lines = [heads, ["---"] * len(heads), *(_markdown_row(r, metrics) for r in rows)]
    table = "\n".join(f"| {' | '.join(map(_escaped, line))} |" for line in lines)
    return "\n\n".join([table, *conditions]) + "\n"


def _markdown_row(row: ArmRow, metrics: Sequence[str]) -> list[str]:
    tags = [tag for tag in row.tags if tag != "highest"]
    title = f"{row.arm.title} ({', '.join(tags)})" if tags else row.arm.title
    cells = [title, row.runs, f"{row.frames:,}"]
    cells += [str(row.scores[metric]) for metric in metrics]
    for metric in metrics:
        difference = row.differences.get(metric)
        cells.append(f"{difference}: {difference.verdict}" if difference else "")
    return [*cells, *row.extras.values()]


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def name_of(metric: str) -> str:
    """``Dice.splash`` as ``Dice of splash``."""
    kind, _, label = metric.partition(".")
    return f"{kind} of {label}" if label else kind


def print_arms(findings: Findings, console: Console | None = None) -> None:
    """Print scores with two decimals, pixel accuracy and cost, one line per arm.

    Args:
        findings: The findings.
        console: Output, by default the terminal.
    """
    metrics = sorted(findings.comparison.metrics, key=lambda name: "." in name)
    rows = rows_of(findings)
    measured = ", ".join(devices(findings))
    caption = f"Cost per frame measured on {measured}." if measured else None
    table = Table(box=SIMPLE_HEAD, caption=caption, caption_justify="left")
    table.add_column("Arm")
    for heading in [*(f"{name_of(m)} (%)" for m in metrics), *rows[0].extras]:
        # One word per line leaves the width of a narrow terminal to the titles.
        table.add_column(Text(heading.replace(" ", "\n")), justify="right")
    for row in rows:
        scores = findings.scores(row.arm).scores
        figures = [number(scores[metric]) for metric in metrics]
        table.add_row(Text(row.arm.title), *figures, *row.extras.values())
    (console or Console()).print(table)

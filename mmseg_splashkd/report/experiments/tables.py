"""The table of arms: for the page, in Markdown, and in the terminal."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.console import Console

from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.experiments.costs import about_cost, extras_of, narrow
from mmseg_splashkd.report.findings import (
    Findings,
    dice_by_frame,
    sizes_differ,
)
from mmseg_splashkd.report.formatting import number, plural, signed
from mmseg_splashkd.report.tables import markdown_table, name_of, terminal_table
from mmseg_splashkd.statistics import Difference


class Figure(NamedTuple):
    """A score or a difference.

    Attributes:
        value: Such as ``71.3`` or ``+0.8``.
        interval: Such as ``68.9 to 73.7``; empty where there is none.
        verdict: Verdict on a difference; empty for a score.
    """

    value: str
    interval: str = ""
    verdict: str = ""

    def __str__(self) -> str:
        return f"{self.value} ({self.interval})" if self.interval else self.value


class ArmRow(NamedTuple):
    """The row of one arm.

    Attributes:
        arm: The arm.
        tags: ``baseline``, ``teacher``, ``highest``.
        runs: Such as ``3 folds`` or ``3 folds x 2 seeds``.
        frames: Number of frames.
        scores: Score by metric.
        by_frame: Mean of Dice over frames by heading; empty unless frames differ in
            size, so that large ones weigh more in the pooled score.
        differences: Difference from the baseline by metric; empty for the baseline.
        extras: Pixel accuracy and cost per frame by heading; empty unless an arm has a
            recorded cost.
    """

    arm: ArmRuns
    tags: Sequence[str]
    runs: str
    frames: int
    scores: Mapping[str, Figure]
    by_frame: Mapping[str, str]
    differences: Mapping[str, Figure]
    extras: Mapping[str, str]


def rows_of(findings: Findings) -> list[ArmRow]:
    """Rows of the baseline, of the other arms from best to worst, and of teachers."""
    extras = extras_of(findings)
    by_frame = sizes_differ(findings.shown)
    rows = []
    for arm in findings.shown:
        of_arm = findings.scores(arm)
        scores = {}
        for metric in findings.metrics:
            interval = of_arm.intervals[metric]
            ends = f"{interval.low:.1f} to {interval.high:.1f}" if interval else ""
            scores[metric] = Figure(number(of_arm.scores[metric], 1), ends)
        differences = {
            metric: difference_figure(difference)
            for metric in findings.metrics
            if (difference := findings.difference(arm, metric))
        }
        tags = {
            "baseline": arm is findings.baseline,
            "teacher": arm.is_teacher,
            "highest": arm is findings.best and len(findings.arms) > 1,
        }
        applying = [tag for tag, applies in tags.items() if applies]
        counts = count_of_runs(arm), of_arm.frames
        of_frames = _by_frame(findings, arm) if by_frame else {}
        shown = scores, of_frames, differences, extras[arm]
        rows.append(ArmRow(arm, applying, *counts, *shown))
    return rows


def _by_frame(findings: Findings, arm: ArmRuns) -> dict[str, str]:
    head = f"{name_of(findings.focus)}, mean over frames"
    return {head: number(dice_by_frame(arm), 1)}


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


def difference_figure(difference: Difference) -> Figure:
    """A difference in points with its sign, interval and verdict."""
    value, interval = signed(difference.value), difference.interval
    ends = f"{signed(interval.low)} to {signed(interval.high)}" if interval else ""
    return Figure(value, ends, difference.verdict)


def arms_as_markdown(findings: Findings, conditions: Sequence[str]) -> str:
    """The arms as a Markdown table.

    Args:
        findings: The findings.
        conditions: Paragraphs below the table: how the figures were obtained.
    """
    rows, metrics = rows_of(findings), findings.metrics
    heads = ["Arm", "Runs", "Frames", *(f"{name_of(m)} (%)" for m in metrics)]
    heads += [f"{head} (%)" for head in rows[0].by_frame]
    heads += [f"{name_of(metric)}, points from the baseline" for metric in metrics]
    lines = []
    for row in rows:
        tags = ", ".join(tag for tag in row.tags if tag != "highest")
        title = f"{row.arm.title} ({tags})" if tags else row.arm.title
        line = [title, row.runs, f"{row.frames:,}", *map(str, row.scores.values())]
        line += row.by_frame.values()
        changes = [row.differences.get(metric) for metric in metrics]
        line += [f"{each}: {each.verdict}" if each else "" for each in changes]
        lines.append([*line, *row.extras.values()])
    table = markdown_table([*heads, *rows[0].extras], lines)
    return "\n\n".join([table, *conditions]) + "\n"


def print_arms(findings: Findings, console: Console | None = None) -> None:
    """Print scores with two decimals, pixel accuracy and cost, one line per arm.

    Args:
        findings: The findings.
        console: Output, by default the terminal.
    """
    metrics = sorted(findings.metrics, key=lambda name: "." in name)
    heads = [f"{name_of(metric)} (%)" for metric in metrics]
    lines = []
    for row in rows_of(findings):
        scores = findings.scores(row.arm).scores
        figures = [number(scores[metric]) for metric in metrics]
        figures += row.by_frame.values()
        extras = narrow(row.extras)
        lines.append([row.arm.title, *figures, *extras.values()])
        heads = [*heads[: len(metrics)], *row.by_frame, *extras]
    # One word per line leaves the width of a narrow terminal to the titles.
    heads = ["Arm", *(head.replace(" ", "\n") for head in heads)]
    measured = about_cost(findings)
    caption = f"Cost per frame measured on {measured}." if measured else None
    table = terminal_table(heads, lines, range(1, len(heads)), caption)
    (console or Console()).print(table)

"""A comparison as tables in the terminal, in Markdown, and as JSON."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmseg_splashkd.report.words import (
    explanation,
    interval_in_words,
    points,
    verdict_in_words,
)
from mmseg_splashkd.statistics import Comparison, Difference

Rows = list[list[str]]
COUNTS = ("Runs", "Frames", "Blocks")


def _arm_table(comparison: Comparison) -> tuple[list[str], Rows]:
    heads = ["Arm", *COUNTS, *(f"{name} (%)" for name in comparison.metrics)]
    rows = [
        [
            arm.name,
            *map(str, (arm.runs, arm.frames, arm.blocks)),
            *(
                interval_in_words(arm.intervals[name], arm.scores[name])
                for name in comparison.metrics
            ),
        ]
        for arm in comparison.arms
    ]
    return heads, rows


def _difference_table(comparison: Comparison) -> tuple[list[str], Rows]:
    heads = ["Arm", "Metric", "Points (95 %)", "p", "Verdict"]
    return heads, [_difference_row(each) for each in comparison.differences]


def _difference_row(difference: Difference) -> list[str]:
    interval, p = difference.interval, difference.p
    figures = "n/a"
    if interval is not None:
        value, low, high = points(difference.value, interval.low, interval.high)
        figures = f"{value} ({low} to {high})"
    elif not math.isnan(difference.value):
        figures = f"{difference.value:.1f}"
    p_value = "" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"
    return [difference.arm, difference.metric, figures, p_value, difference.verdict]


def _sentences(comparison: Comparison) -> Iterator[str]:
    for each in comparison.differences:
        sentences = [f"{verdict_in_words(each)}.", *explanation(each)]
        yield f"{each.arm}, {each.metric}: {' '.join(sentences)}"


def _conditions(comparison: Comparison) -> list[str]:
    sentences = [f"Blocks of {comparison.block} in time, the same for all arms."]
    if comparison.differences:
        sentences.append(f"Differences are from {comparison.arms[0].name}.")
    count = max((each.comparisons for each in comparison.differences), default=1)
    if count > 1:
        sentences.append(
            f"p-values are Holm-adjusted for {count} comparisons per metric, intervals "
            f"are not adjusted."
        )
    return [" ".join(sentences), *comparison.notes]


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """Print scores, differences and verdicts.

    Args:
        comparison: The comparison.
        console: Output, by default the terminal.
    """
    console = console or Console()
    for heads, rows in (_arm_table(comparison), _difference_table(comparison)):
        if rows:
            console.print(_rich(heads, rows))
    for line in [*_sentences(comparison), *_conditions(comparison)]:
        console.print(Text(line), end="\n\n")


def _rich(heads: Sequence[str], rows: Rows) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for place, head in enumerate(heads):
        table.add_column(Text(head), justify="right" if 0 < place < 4 else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def as_markdown(comparison: Comparison) -> str:
    """Scores, differences and verdicts in Markdown."""
    parts = [
        _markdown(heads, rows)
        for heads, rows in (_arm_table(comparison), _difference_table(comparison))
        if rows
    ]
    parts += ["\n".join(f"- {line}" for line in _sentences(comparison))]
    parts += _conditions(comparison)
    return "\n\n".join(part for part in parts if part) + "\n"


def _markdown(heads: Sequence[str], rows: Rows) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def as_json(comparison: Comparison) -> dict[str, Any]:
    """All figures and sentences as JSON values; null for NaN and missing values."""
    values = dataclasses.asdict(comparison)
    for each, row in zip(comparison.differences, values["differences"], strict=True):
        row["words"] = verdict_in_words(each)
        row["explanation"] = explanation(each)
    return _finite(values)


def _finite(value: Any) -> Any:
    """Replace NaN and infinities, which JSON lacks, by None."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

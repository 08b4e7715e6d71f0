"""A comparison as tables: on the terminal, in Markdown, as JSON."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmseg_splashkd.report.comparison.words import (
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
    return heads, [_difference_row(found) for found in comparison.differences]


def _difference_row(found: Difference) -> list[str]:
    figures = "n/a"
    if found.interval is not None:
        value, low, high = points(found.value, found.interval.low, found.interval.high)
        figures = f"{value} ({low} to {high})"
    elif not math.isnan(found.value):
        figures = f"{found.value:.1f}"
    p = "" if found.p is None else "<0.001" if found.p < 0.001 else f"{found.p:.3f}"
    return [found.arm, found.metric, figures, p, found.verdict]


def _sentences(comparison: Comparison) -> Iterator[str]:
    for found in comparison.differences:
        told = [f"{verdict_in_words(found)}.", *explanation(found)]
        yield f"{found.arm}, {found.metric}: {' '.join(told)}"


def _conditions(comparison: Comparison) -> list[str]:
    said = [f"Blocks of {comparison.block} in time, the same for all arms."]
    if comparison.differences:
        said.append(f"Differences are from {comparison.arms[0].name}.")
    count = max((found.comparisons for found in comparison.differences), default=1)
    if count > 1:
        said.append(
            f"p-values are for {count} comparisons a metric (Holm), intervals for one "
            f"each."
        )
    return [" ".join(said), *comparison.notes]


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """Print scores, differences and verdicts.

    Args:
        comparison: What was found.
        console: Where to print, by default the terminal.
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
    """The same tables and sentences in Markdown."""
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
    """All figures, and the sentences, as JSON values; null for what is not known."""
    values = dataclasses.asdict(comparison)
    for found, row in zip(comparison.differences, values["differences"], strict=True):
        row["words"] = verdict_in_words(found)
        row["explanation"] = explanation(found)
    return _known(values)


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _known(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_known(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

"""A comparison as tables in the terminal, in Markdown, and as JSON."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from mmseg_splashkd.report.tables import markdown_table, terminal_table
from mmseg_splashkd.report.words import (
    explanation,
    interval_in_words,
    points,
    verdict_in_words,
)
from mmseg_splashkd.statistics import Comparison, Difference
from mmseg_splashkd.statistics.sampling import NOUNS


def _tables(comparison: Comparison) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Headings and rows: scores of the arms, and differences if there are any."""
    metrics = comparison.metrics
    heads = ["Arm", "Runs", "Frames", *(f"{name} (%)" for name in metrics)]
    grouped = comparison.unit != "frame"
    if grouped:
        heads.insert(3, NOUNS[comparison.unit][1].capitalize())
    rows = []
    for arm in comparison.arms:
        numbers = (arm.runs, arm.frames, *([arm.blocks] if grouped else []))
        counts = map(str, numbers)
        words = (interval_in_words(arm.intervals[m], arm.scores[m]) for m in metrics)
        rows.append([arm.name, *counts, *words])
    yield heads, rows
    if comparison.differences:
        heads = ["Arm", "Metric", "Points (95 %)", "p", "Verdict"]
        rows = [_difference_row(each) for each in comparison.differences]
        answers = [each.equivalence for each in comparison.differences]
        if margins := {each.margin for each in answers if each}:
            heads.append(f"Within {margins.pop():g} points")
            for row, answer in zip(rows, answers, strict=True):
                row.append("no verdict" if answer is None else answer.verdict)
        yield heads, rows


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
    sentences = [comparison.sampling]
    if comparison.differences:
        sentences.append(f"Differences are from {comparison.arms[0].name}.")
    count = max((each.comparisons for each in comparison.differences), default=1)
    if count > 1:
        sentences.append(
            f"p-values are Holm-adjusted for {count} comparisons per metric, intervals "
            f"are not adjusted."
        )
    return [*_sources(comparison), " ".join(sentences), *comparison.notes]


def _sources(comparison: Comparison) -> Iterator[str]:
    """Part, weights, iteration and frames of the scores of each arm."""
    for arm in comparison.arms:
        known = [arm.source] if arm.source else ["unknown part and weights"]
        yield f"Scores of {arm.name}: {', '.join([*known, f'{arm.frames:,} frames'])}."


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """Print scores, differences and verdicts.

    Args:
        comparison: The comparison.
        console: Output, by default the terminal.
    """
    console = console or Console()
    for heads, rows in _tables(comparison):
        console.print(terminal_table(heads, rows, right=range(1, 4)))
    for line in [*_sentences(comparison), *_conditions(comparison)]:
        console.print(Text(line), end="\n\n")


def as_markdown(comparison: Comparison) -> str:
    """Scores, differences and verdicts in Markdown."""
    parts = [markdown_table(heads, rows) for heads, rows in _tables(comparison)]
    parts += ["\n".join(f"- {line}" for line in _sentences(comparison))]
    parts += _conditions(comparison)
    return "\n\n".join(part for part in parts if part) + "\n"


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

"""Runs on disk, compared: who is better, and how sure that is."""

from mmseg_splashkd.report.comparison.compare_runs import compare_runs
from mmseg_splashkd.report.comparison.runs import read_arms
from mmseg_splashkd.report.comparison.tables import (
    as_json,
    as_markdown,
    print_comparison,
)
from mmseg_splashkd.report.comparison.words import explanation, verdict_in_words

__all__ = [
    "as_json",
    "as_markdown",
    "compare_runs",
    "explanation",
    "print_comparison",
    "read_arms",
    "verdict_in_words",
]

"""The verdicts on files as a table."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from mmseg_splashkd.deploy.verify import WEIGHTS, Step, Verified
from mmseg_splashkd.evaluation.bursts import BurstScores
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.tables import markdown_table, terminal_table
from mmseg_splashkd.report.words import on_equivalence, points, verdict_in_words

HEADS = ["Step", "MiB", "ms a frame", "x PyTorch"]
COSTS = (1, 2, 3)  # columns at the right


def table_of(verified: Verified) -> tuple[list[str], list[list[str]]]:
    """Headings and rows, the weights first.

    Args:
        verified: The steps.
    """
    (metric,) = verified.comparison.metrics
    heads = [
        *HEADS,
        f"{metric} (%)",
        "Points (90 %)",
        f"Within {verified.margin:g} points",
    ]
    timed = verified.bursts is not None
    if timed:
        heads += ["Bursts found", "Onset (s)", "False bursts"]
    scores = {arm.name: arm.scores[metric] for arm in verified.comparison.arms}
    first = [f"{WEIGHTS}, as tested", "", "", "", f"{scores[WEIGHTS]:.2f}", "", ""]
    rows = [first + _burst_cells(verified.bursts, verified.bursts)]
    for step in verified.steps:
        cells = [*_step_cells(step, scores[step.name]), step.verdict]
        rows.append(cells + _burst_cells(step.bursts, verified.bursts))
    return heads, rows


def _step_cells(step: Step, score: float) -> list[str]:
    answer = step.difference.equivalence
    shown = "n/a"
    if answer is not None:
        value, low, high = points(step.difference.value, answer.low, answer.high)
        shown = f"{value} ({low} to {high})"
    return [
        step.name,
        f"{step.size / 2**20:.2f}",
        f"{step.milliseconds.median:.1f}",
        f"{step.faster.median:.2f}",
        f"{score:.2f}",
        shown,
    ]


def _burst_cells(own: BurstScores | None, its: BurstScores | None) -> list[str]:
    """Found, onset and false bursts; in brackets, how many were lost or are new."""
    if own is None or its is None:
        return []
    pairs = list(zip(own.bursts, its.bursts, strict=True))  # of the same labels
    lost = sum(burst.found < before.found for burst, before in pairs)
    new = sum(burst.found > before.found for burst, before in pairs)
    found = sum(burst.found for burst in own.bursts)
    changed = f" (-{lost}, +{new})" if lost or new else ""
    onset = f"{own.latency:.2f}" if found else "n/a"
    return [f"{found} of {len(pairs)}{changed}", onset, str(len(own.false))]


def sentences(verified: Verified) -> Iterator[str]:
    """What the table does not say: doubts, numbers of frames, conditions."""
    for step in verified.steps:
        words = " ".join(on_equivalence(step.difference))
        yield f"{step.name}: {words or verdict_in_words(step.difference) + '.'}"
    height, width = verified.frame
    threads = verified.threads or "their own number of"
    yield (
        f"Times are of frames of {width}x{height}, from pixels to classes, with "
        f"{threads} threads, one engine after the other in each round."
    )
    yield verified.comparison.sampling
    yield from verified.comparison.notes


def print_verified(verified: Verified, console: Console | None = None) -> None:
    """Print the table and what goes with it.

    Args:
        verified: The steps.
        console: Output, by default the terminal.
    """
    console = console or Console()
    heads, rows = table_of(verified)
    costs, results = slice(len(HEADS)), slice(len(HEADS), None)
    console.print(terminal_table(heads[costs], [row[costs] for row in rows[1:]], COSTS))
    console.print(
        terminal_table(
            [heads[0], *heads[results]], [[row[0], *row[results]] for row in rows], [1]
        )
    )
    for line in sentences(verified):
        console.print(Text(line), end="\n\n")


def as_markdown(verified: Verified) -> str:
    """The table and what goes with it in Markdown."""
    return (
        "\n\n".join([markdown_table(*table_of(verified)), *sentences(verified)]) + "\n"
    )


def as_json(verified: Verified) -> dict[str, Any]:
    """Figures as JSON values."""
    heads, rows = table_of(verified)
    return {"table": [dict(zip(heads, row, strict=True)) for row in rows]}


def tell(
    verified: Verified, markdown: bool = False, json_file: str | Path | None = None
) -> None:
    """Print the table, and write it to a file.

    Args:
        verified: The steps.
        markdown: Print Markdown instead of a table for the terminal.
        json_file: File for the table as JSON.
    """
    if markdown:
        print(as_markdown(verified), end="")
    else:
        print_verified(verified)
    if json_file is not None:
        text = json.dumps(as_json(verified), indent=1, allow_nan=False)
        write_whole(json_file, f"{text}\n")

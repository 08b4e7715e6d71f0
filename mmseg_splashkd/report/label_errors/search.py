"""Search for wrong labels: check frames, print them, write table and page."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from mmseg_splashkd.label_errors import (
    LabelErrors,
    find_label_errors,
    open_runs,
    write_findings,
)
from mmseg_splashkd.label_errors.regions import KINDS
from mmseg_splashkd.report.label_errors.page import meaning, write_label_page
from mmseg_splashkd.report.tables import terminal_table

PRINTED = 10  # frames


def search_label_errors(
    runs: Sequence[str | Path],
    out: str | Path,
    config: str | Path | None = None,
    weights: str = "last",
    class_name: str | None = None,
    shown: int = 40,
    cfg_options: dict[str, Any] | None = None,
    trust: bool = False,
) -> LabelErrors:
    """Search for wrong labels in the frames that each run was not trained on.

    Args:
        runs: Work directories of one arm, one per fold.
        out: The page (``.html``); the table gets the same name with suffix ``.csv``.
        config: Config file to read instead of the recorded configs of the runs.
        weights: ``'last'`` or ``'best'``.
        class_name: Focus class, by default the last class.
        shown: Number of frames on the page, at least 1.
        cfg_options: Dotted config keys to override.
        trust: Whether recorded configs may name code that is in no registry.

    Returns:
        The suspicious labels.

    Raises:
        FileExistsError: The file of the table exists and is no such table.
        FileNotFoundError: A run, its weights or its data are missing.
        RuntimeError: Weights do not fit their config, or a frame cannot be read.
        ValueError: The runs cannot check their frames (see ``open_runs``), or an
            argument is out of its range.
    """
    out = Path(out)
    if out.suffix != ".html":
        raise ValueError(f"--out {out} does not end with .html")
    if shown < 1:
        raise ValueError(f"--shown {shown} must be at least 1")
    opened, unjudged = open_runs(runs, config, weights, cfg_options, trust)
    report = find_label_errors(opened, unjudged, class_name)
    table = write_findings(report, out.with_suffix(".csv"))
    print_findings(report)
    print(table)
    print(write_label_page(report, out, table.name, shown))
    return report


def print_findings(report: LabelErrors, console: Console | None = None) -> None:
    """Print the most suspicious frames, their number, and the unchecked frames."""
    console = console or Console()
    rows = []
    for rank, finding in enumerate(report.suspicious[:PRINTED], 1):
        region, name = finding.regions[0], Path(finding.frame.image).name
        figures = str(region.pixels), f"{region.score:.0f}"
        rows.append([str(rank), name, meaning(region, report), *figures])
    heads = ["Rank", "Frame", "Region", "Pixels", "Score"]
    console.print(terminal_table(heads, rows, right=(0, 3, 4)))
    kinds = Counter(finding.regions[0].kind for finding in report.suspicious)
    counts = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind])
    console.print(
        f"{len(report.suspicious)} of {len(report.findings)} frames have a suspicious "
        f"region; kind of the most suspicious one: {counts or 'none'}"
    )
    if report.unjudged:
        console.print(
            f"[yellow]{len(report.unjudged)} training frames are held out by no run "
            f"and were not checked, such as {report.unjudged[0]}: add the runs of the "
            f"other folds"
        )

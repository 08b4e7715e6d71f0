"""One search for wrong labels: judge, print, write a table and a page."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from mmseg_splashkd.label_errors import (
    LabelErrors,
    find_label_errors,
    open_runs,
    write_findings,
)
from mmseg_splashkd.label_errors.regions import KINDS
from mmseg_splashkd.report.label_errors.page import meaning, write_label_page

PRINTED = 10


def search_label_errors(
    runs: Sequence[str | Path],
    out: str | Path,
    config: str | Path | None = None,
    weights: str = "last",
    class_name: str | None = None,
    shown: int = 40,
    cfg_options: dict[str, Any] | None = None,
) -> LabelErrors:
    """Look for wrong labels in the frames that each run was held out from.

    Args:
        runs: Work directories of one arm, one a fold.
        out: The page, an HTML file; beside it, with the suffix ``.csv``, the table.
        config: Config file to read instead of those that the runs recorded.
        weights: ``'last'`` or ``'best'``.
        class_name: The class looked at, by default the last.
        shown: Frames on the page, the most suspicious first.
        cfg_options: Dotted config keys to override.

    Raises:
        FileExistsError: The table's name is taken by another one.
        FileNotFoundError: A run, its weights or its data are missing.
        ImportError: cleanlab is not installed.
        RuntimeError: Weights do not fit their config, or a frame cannot be read.
        ValueError: The runs cannot judge their frames; see ``open_runs``.
    """
    out = Path(out)
    if out.suffix != ".html":
        raise ValueError(f"--out {out} does not end with .html: it is a page")
    if shown < 1:
        raise ValueError(f"--shown {shown} must be at least 1")
    opened, unjudged = open_runs(runs, config, weights, cfg_options)
    found = find_label_errors(opened, unjudged, class_name)
    table = write_findings(found, out.with_suffix(".csv"))
    print_findings(found)
    print(table)
    print(write_label_page(found, out, table.name, shown))
    return found


def print_findings(found: LabelErrors, console: Console | None = None) -> None:
    """Print the most suspicious frames, how many there are, and what was not judged."""
    console = console or Console()
    table = Table("rank", "frame", "what", "pixels", "score", box=None)
    for rank, finding in enumerate(found.suspicious[:PRINTED], 1):
        region = finding.regions[0]
        table.add_row(
            str(rank),
            Path(finding.frame.image).name,
            meaning(region, found),
            str(region.pixels),
            f"{region.score:.0f}",
        )
    console.print(table)
    kinds = Counter(finding.regions[0].kind for finding in found.suspicious)
    counts = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind])
    console.print(
        f"{len(found.suspicious)} of {len(found.findings)} frames have a suspicious "
        f"region; the surest of each: {counts or 'none'}"
    )
    if found.unjudged:
        console.print(
            f"[yellow]{len(found.unjudged)} frames that a run was trained on were "
            f"judged by none, such as {found.unjudged[0]}: give the run of every fold"
        )

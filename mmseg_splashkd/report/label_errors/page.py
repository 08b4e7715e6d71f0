"""The HTML page of probably wrong labels."""

from collections import Counter
from pathlib import Path
from typing import Any

from mmseg_splashkd.label_errors import ErrorRegion, LabelError, LabelErrors
from mmseg_splashkd.label_errors.regions import KINDS
from mmseg_splashkd.report.formatting import css, moment
from mmseg_splashkd.report.html import write_page
from mmseg_splashkd.report.label_errors.pictures import COLORS, tiles_of

LISTED = 5  # regions per frame


def write_label_page(
    report: LabelErrors, out: str | Path, table: str, shown: int = 40
) -> Path:
    """Write the most suspicious frames with pictures atomically.

    Args:
        report: The suspicious labels.
        out: The HTML file without external references.
        table: File name of the table of all regions, which the page mentions.
        shown: Number of frames on the page.

    Returns:
        ``out``.

    Raises:
        OSError: A frame or a label cannot be read.
    """
    kinds = Counter(
        each.kind for finding in report.suspicious for each in finding.regions
    )
    used = [kind for kind in KINDS if kinds[kind]]
    return write_page(
        "label_errors/page.html.j2",
        out,
        report=report,
        focus=_focus(report),
        table=table,
        runs=Counter(finding.run for finding in report.findings),
        kinds=[
            (region_title(kind, report), css(COLORS[kind]), kinds[kind])
            for kind in used
        ],
        classes=[
            (name, css(color))
            for name, color in zip(
                report.coding.classes, report.coding.palette, strict=True
            )
        ],
        frames=[
            _frame(rank, finding, report)
            for rank, finding in enumerate(report.suspicious[:shown], 1)
        ],
    )


def region_title(kind: str, report: LabelErrors) -> str:
    """Title of a kind of region, such as ``'unlabelled splash'``."""
    focus = _focus(report)
    return {
        "missing": f"unlabelled {focus}",
        "false": f"labelled as {focus}, but none there",
        "edge": f"misplaced edge of {focus}",
        "other": "labelled as another class",
    }[kind]


def meaning(region: ErrorRegion, report: LabelErrors) -> str:
    """Description of a region."""
    if region.kind != "other":
        return region_title(region.kind, report)
    classes = report.coding.classes
    return (
        f"labelled as {classes[region.given]}, looks like {classes[region.suggested]}"
    )


def _focus(report: LabelErrors) -> str:
    return report.coding.classes[report.focus]


def _frame(rank: int, finding: LabelError, report: LabelErrors) -> dict[str, Any]:
    """Values of the template for one frame."""
    regions, frame = finding.regions, finding.frame
    return {
        "rank": rank,
        "title": meaning(regions[0], report),
        "name": frame.image,
        "label": frame.label,
        "when": moment(frame.recording, frame.timestamp),
        "run": finding.run,
        "regions": [
            (meaning(region, report), css(COLORS[region.kind]), region)
            for region in regions[:LISTED]
        ],
        "more": max(0, len(regions) - LISTED),
        "tiles": tiles_of(finding, report),
        "columns": 3,
    }

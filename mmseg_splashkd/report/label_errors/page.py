"""One self-contained HTML page of the labels that are most likely wrong."""

from collections import Counter
from pathlib import Path
from typing import Any

from mmseg_splashkd.datasets.timestamps import utc
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.label_errors import ErrorRegion, LabelError, LabelErrors
from mmseg_splashkd.label_errors.regions import KINDS
from mmseg_splashkd.report.label_errors.pictures import COLORS, tiles_of
from mmseg_splashkd.report.page import ENVIRONMENT

LISTED = 5  # regions of a frame


def write_label_page(
    found: LabelErrors, out: str | Path, table: str, shown: int = 40
) -> Path:
    """Write the most suspicious frames with pictures.

    Args:
        found: What was found.
        out: The HTML file to write, whole or not at all; it refers to nothing outside
            itself.
        table: Name of the table of all regions, which the page mentions.
        shown: How many frames to show.

    Returns:
        ``out``.

    Raises:
        OSError: A frame or a label can no longer be read.
    """
    kinds = Counter(
        each.kind for finding in found.suspicious for each in finding.regions
    )
    used = [kind for kind in KINDS if kinds[kind]]
    page = ENVIRONMENT.get_template("label_errors/page.html.j2").render(
        found=found,
        focus=_focus(found),
        table=table,
        runs=Counter(finding.run for finding in found.findings),
        kinds=[
            (describe(kind, found), css(COLORS[kind]), kinds[kind]) for kind in used
        ],
        classes=[
            (name, css(colour))
            for name, colour in zip(
                found.coding.classes, found.coding.palette, strict=True
            )
        ],
        frames=[
            _frame(rank, finding, found)
            for rank, finding in enumerate(found.suspicious[:shown], 1)
        ],
    )
    return write_whole(out, page)


def describe(kind: str, found: LabelErrors) -> str:
    """What a kind of region means."""
    focus = _focus(found)
    return {
        "missing": f"{focus} that is not labelled",
        "false": f"labelled as {focus}, and none there",
        "edge": f"edge of {focus} out of place",
        "other": "labelled as another class",
    }[kind]


def meaning(region: ErrorRegion, found: LabelErrors) -> str:
    """What is wrong with a region."""
    if region.kind != "other":
        return describe(region.kind, found)
    classes = found.coding.classes
    return (
        f"labelled as {classes[region.given]}, looks like {classes[region.suggested]}"
    )


def _focus(found: LabelErrors) -> str:
    return found.coding.classes[found.focus]


def _frame(rank: int, finding: LabelError, found: LabelErrors) -> dict[str, Any]:
    """What the template shows of a frame."""
    regions = finding.regions
    frame = finding.frame
    when = f"{utc(frame.timestamp):%Y-%m-%d %H:%M:%S} UTC"
    return {
        "rank": rank,
        "title": meaning(regions[0], found),
        "name": frame.image,
        "label": frame.label,
        "when": when if frame.recording == "." else f"{frame.recording}, {when}",
        "run": finding.run,
        "score": f"{finding.score:,.0f}",
        "regions": [
            (meaning(region, found), css(COLORS[region.kind]), region)
            for region in regions[:LISTED]
        ],
        "more": max(0, len(regions) - LISTED),
        "tiles": tiles_of(finding, found),
    }


def css(colour: Any) -> str:
    """An RGB colour of [0, 255] as CSS."""
    return "#{:02x}{:02x}{:02x}".format(*colour)

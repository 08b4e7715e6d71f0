"""One self-contained HTML page on the health of a data set."""

from pathlib import Path
from typing import Any

from markupsafe import Markup

from mmseg_splashkd.datasets.checks import (
    CODES,
    LEVELS,
    Finding,
    class_pixels,
    frames_per_day,
    of_level,
)
from mmseg_splashkd.report.dataset.pictures import STRANGE, picture_rows
from mmseg_splashkd.report.dataset.result import DatasetReport, grouped, part_rows
from mmseg_splashkd.report.dataset.timeline import MARKS, colour_of, timeline
from mmseg_splashkd.report.page import ENVIRONMENT

OPEN = 8  # findings of a code that stand open; the others unfold
MARKED = {"overlap", "border", "shared_frame", "duplicate", "near_duplicate"}
VERDICTS = {
    "spoiled": "A run on this data would be spoiled.",
    "usable with warnings": "Usable, with warnings to read first.",
    "clean": "Nothing wrong was found.",
}


def write_dataset_page(report: DatasetReport, out: str | Path) -> Path:
    """Write the report: verdict, findings, timeline, tables, pictures.

    Args:
        report: What was found.
        out: The HTML file to write; it refers to nothing outside itself.

    Returns:
        ``out``.
    """
    page = ENVIRONMENT.get_template("dataset/page.html.j2").render(
        report=report,
        verdict=VERDICTS[report.verdict],
        counts={level: len(of_level(report.findings, level)) for level in LEVELS},
        groups=[_group(*kind, of) for kind, of in grouped(report.findings).items()],
        timeline=Markup(timeline(report.parts, _marks(report))),
        keys=[(part, colour_of(part, report.parts)) for part in report.parts],
        marks=MARKS,
        rows=part_rows(report),
        classes=_class_rows(report),
        days=_day_rows(report),
        pictures=picture_rows(report),
        legend=_legend(report),
    )
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf-8")
    return out


def _group(level: str, code: str, findings: list[Finding]) -> dict[str, Any]:
    return {
        "level": level,
        "code": code,
        "meaning": CODES[code],
        "open": findings[:OPEN],
        "folded": findings[OPEN:],
        "count": len(findings),
    }


def _marks(report: DatasetReport) -> dict[str, set[str]]:
    """Frames to mark along time: every faulty one, and those too near to others."""
    return {
        level: {
            path
            for finding in of_level(report.findings, level)
            if level == "error" or finding.code in MARKED
            for path in finding.frames
        }
        for level in ("warning", "error")
    }


def _class_rows(report: DatasetReport) -> list[list[str]]:
    """Part, then the share of each class among its labelled pixels."""
    if report.files is None:
        return []
    count = len(report.coding.classes)
    pixels = class_pixels(report.parts, report.files.facts, count)
    return [
        [part, *(f"{share:.2%}" for share in counts / max(1, counts.sum()))]
        for part, counts in pixels.items()
    ]


def _day_rows(report: DatasetReport) -> list[list[str]]:
    """Day, recording, then the frames of each part."""
    return [
        [str(day), recording, *(str(counts[part] or "") for part in report.parts)]
        for (day, recording), counts in frames_per_day(report.parts).items()
    ]


def _legend(report: DatasetReport) -> list[tuple[str, str]]:
    """What the colours of painted labels mean, as CSS colours."""
    coding = report.coding
    colours = [*zip(coding.classes, coding.palette, strict=True)]
    colours.append(("value outside the table", STRANGE))
    return [(name, "#{:02x}{:02x}{:02x}".format(*c)) for name, c in colours]

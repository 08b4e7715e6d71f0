"""The HTML page of the data set check."""

from collections import Counter
from pathlib import Path

from mmseg_splashkd.datasets.checks import (
    CODES,
    LEVELS,
    class_pixels,
    frames_per_day,
    of_level,
)
from mmseg_splashkd.report.dataset.pictures import UNKNOWN_COLOR, picture_rows
from mmseg_splashkd.report.dataset.result import (
    DatasetReport,
    grouped,
    part_heads,
    part_rows,
)
from mmseg_splashkd.report.dataset.timeline import MARKS, color_of, timeline
from mmseg_splashkd.report.formatting import css
from mmseg_splashkd.report.html import write_page

OPEN = 8  # findings per code that are shown unfolded
MARKED = {"overlap", "border", "shared_frame", "duplicate", "near_duplicate"}
VERDICTS = {
    "spoiled": "Errors: a run on this data would be invalid.",
    "usable with warnings": "Usable; read the warnings first.",
    "clean": "No errors and no warnings.",
}


def write_dataset_page(report: DatasetReport, out: str | Path) -> Path:
    """Write verdict, findings, timeline, tables and pictures atomically.

    Args:
        report: Result of the check.
        out: The HTML file, without external references.

    Returns:
        ``out``.
    """
    return write_page(
        "dataset/page.html.j2",
        out,
        report=report,
        verdict=VERDICTS[report.verdict],
        counts={level: len(of_level(report.findings, level)) for level in LEVELS},
        groups=grouped(report.findings),
        meanings=CODES,
        open=OPEN,
        timeline=timeline(report.parts, _marks(report)),
        keys=[(part, color_of(part, report.parts)) for part in report.parts],
        marks=MARKS,
        heads=part_heads(report),
        rows=part_rows(report),
        classes=_class_rows(report),
        days=_day_rows(report),
        recordings=_recording_rows(report),
        timed=report.timed,
        pictures=picture_rows(report),
        legend=_legend(report),
    )


def _marks(report: DatasetReport) -> dict[str, set[str]]:
    """Frames to mark in the timeline: errors, and frames too close to others."""
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
    """Day, recording, then the frames of each part; none without time."""
    return [
        [str(day), recording, *(str(counts[part] or "") for part in report.parts)]
        for (day, recording), counts in frames_per_day(report.parts).items()
    ]


def _recording_rows(report: DatasetReport) -> list[list[str]]:
    """Recording, then its frames of each part, where no frame has a time."""
    if report.timed:
        return []
    counts = {
        part: Counter(frame.recording for frame in frames)
        for part, frames in report.parts.items()
    }
    names = sorted({name for of_part in counts.values() for name in of_part})
    return [
        [name, *(str(of_part[name] or "") for of_part in counts.values())]
        for name in names
    ]


def _legend(report: DatasetReport) -> list[tuple[str, str]]:
    """Names and CSS colours of classes in painted labels."""
    coding = report.coding
    colors = [*zip(coding.classes, coding.palette, strict=True)]
    colors.append(("unknown value", UNKNOWN_COLOR))
    return [(name, css(color)) for name, color in colors]

"""Findings of the data set check, and their terminal output."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from rich.console import Console

from mmseg_splashkd.datasets.checks import (
    CODES,
    LEVELS,
    Duplicates,
    FilesReport,
    Finding,
    allow_codes,
    check_files,
    check_parts,
    find_duplicates,
    mean_shares,
    of_level,
)
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.datasets.timestamps import to_utc
from mmseg_splashkd.report.dataset.source import CheckedDataset
from mmseg_splashkd.report.tables import terminal_table

PRINTED = 5  # findings of one code
STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


@dataclass(frozen=True)
class DatasetReport:
    """Result of the check.

    Args:
        title: Name of the data set.
        parts: Name -> frames, with the share of the focus class where it is measured.
        coding: Label coding.
        findings: Findings of all checks, errors first.
        files: Contents of the files; None after a fast check.
        duplicates: Copies of frames; None after a fast check.
        focus: Name of the focus class; None if it is unknown.
    """

    title: str
    parts: Mapping[str, list[Frame]]
    coding: LabelCoding
    findings: list[Finding]
    files: FilesReport | None = None
    duplicates: Duplicates | None = None
    focus: str | None = None

    @property
    def timed(self) -> bool:
        """Whether any frame has a time stamp."""
        return any(f.timestamp >= 0 for frames in self.parts.values() for f in frames)

    @property
    def spoiled(self) -> bool:
        """Whether there is an error: a run on this data would be invalid."""
        return bool(of_level(self.findings, "error"))

    @property
    def verdict(self) -> str:
        """``'spoiled'``, ``'usable with warnings'`` or ``'clean'``."""
        if self.spoiled:
            return "spoiled"
        warned = of_level(self.findings, "warning")
        return "usable with warnings" if warned else "clean"


def examine(
    dataset: CheckedDataset,
    fast: bool = False,
    allowed: Collection[str] = (),
    embargo_seconds: float | None = None,
    class_name: str | None = None,
    progress: bool = True,
) -> DatasetReport:
    """Run the checks.

    Args:
        dataset: The data set.
        fast: Run only the checks that need no pixels.
        allowed: Codes of errors to report as warnings.
        embargo_seconds: Required distance between training and evaluated frames in
            seconds.
        class_name: Focus class; by default splash if the coding has it, else the last
            class, unless the frames have shares already, which may be of any class.
        progress: Show progress bars.

    Raises:
        ValueError: The label coding has no class ``class_name``.
    """
    classes = list(dataset.coding.classes)
    if class_name is not None and class_name not in classes:
        raise ValueError(f"class {class_name!r} is none of {classes}")
    class_name = class_name or _default_focus(dataset)
    focus = None if class_name is None else classes.index(class_name)
    files = duplicates = None
    parts, runs, findings = dataset.parts, dataset.runs, []
    if not fast:
        unchanged = dataset.unchanged
        files = check_files(parts, dataset.coding, focus, progress, unchanged)
        duplicates = find_duplicates(parts, progress=progress, unchanged=unchanged)
        findings = [*files.findings, *duplicates.findings]
        parts = files.measured(parts)
        runs = {name: files.measured(run) for name, run in runs.items()}
    shown = class_name or "the focus class"
    by_run = {
        name: check_parts(run, embargo_seconds, shown) for name, run in runs.items()
    }
    findings = allow_codes([*_merge(by_run), *findings], allowed)
    findings.sort(key=lambda finding: LEVELS.index(finding.level))
    title, coding = dataset.title, dataset.coding
    return DatasetReport(
        title, parts, coding, findings, files, duplicates, focus=class_name
    )


def _default_focus(dataset: CheckedDataset) -> str | None:
    classes = list(dataset.coding.classes)
    if "splash" in classes or len(classes) == 2:
        return "splash" if "splash" in classes else classes[-1]
    frames = (frame for of_part in dataset.parts.values() for frame in of_part)
    given = any(frame.splash_share is not None for frame in frames)
    return None if given else classes[-1]


def _merge(by_run: Mapping[str, Iterable[Finding]]) -> list[Finding]:
    """List a finding of all folds once, and name the folds of any other finding."""
    folds_of = defaultdict(list)
    for name, findings in by_run.items():
        for finding in findings:
            folds_of[finding].append(name)
    return [
        finding
        if len(names) == len(by_run)
        else replace(finding, message=f"{', '.join(names)}: {finding.message}")
        for finding, names in folds_of.items()
    ]


def grouped(findings: Iterable[Finding]) -> dict[tuple[str, str], list[Finding]]:
    """Findings by level and code, errors first."""
    groups = defaultdict(list)
    for finding in findings:
        groups[finding.level, finding.code].append(finding)
    return dict(sorted(groups.items(), key=lambda group: LEVELS.index(group[0][0])))


def print_report(report: DatasetReport, console: Console | None = None) -> None:
    """Print verdict, parts and findings."""
    console = console or Console()
    console.print(terminal_table(part_heads(report), part_rows(report)))
    for (level, code), findings in grouped(report.findings).items():
        console.print(
            f"{level} {code} ({len(findings)})  {CODES[code]}", style=STYLES[level]
        )
        for finding in findings[:PRINTED]:
            text = f"  {finding.text}"
            console.print(text, markup=False, highlight=False, soft_wrap=True)
        if len(findings) > PRINTED:
            console.print(f"  and {len(findings) - PRINTED} more")
    console.print(f"{report.title}: {report.verdict}", style="bold", markup=False)


def part_heads(report: DatasetReport) -> list[str]:
    """Headings of ``part_rows``."""
    times = ["First (UTC)", "Last (UTC)"] if report.timed else []
    share = report.focus or "Focus class"
    return ["Part", "Frames", "Recordings", *times, share.capitalize()]


def part_rows(report: DatasetReport) -> list[list[str]]:
    """Part, frames, recordings, first and last time, mean share of the focus class.

    The times are left out where no frame has one.
    """
    shares = mean_shares(report.parts)
    rows = []
    for part, frames in report.parts.items():
        times = sorted(frame.timestamp for frame in frames if frame.timestamp >= 0)
        ends = [f"{to_utc(t):%Y-%m-%d %H:%M}" for t in (times[:1] + times[-1:])]
        ends = (ends or ["", ""]) if report.timed else []
        recordings = len({frame.recording for frame in frames})
        share = f"{shares[part]:.2%}" if part in shares else "unknown"
        rows.append([part, f"{len(frames):,}", str(recordings), *ends, share])
    return rows

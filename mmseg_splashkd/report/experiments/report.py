"""From work directories to a page, and a table for a README."""

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from rich.console import Console

from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.comparison.runs import PARTS, WEIGHTS
from mmseg_splashkd.report.experiments.arms import (
    choose_baseline,
    gather_arms,
)
from mmseg_splashkd.report.experiments.found import RunRecord, find_runs, unread_lines
from mmseg_splashkd.report.experiments.headline import headline
from mmseg_splashkd.report.experiments.operating import at_operating_points
from mmseg_splashkd.report.experiments.page import (
    Subject,
    write_experiments_page,
)
from mmseg_splashkd.report.experiments.statistics import Findings, judge
from mmseg_splashkd.report.experiments.tables import markdown_table
from mmseg_splashkd.statistics import BlockLength, Settings

PAGE = "report.html"
OPERATING_POINT = {
    "val": "Each run is decided at the threshold that is best for the other folds of "
    "its arm, not by argmax. Panels and learning curves show argmax.",
    "test": "Each run is decided at the threshold that is best on its validation "
    "part, not by argmax. Panels and learning curves show argmax.",
}


def report_experiments(
    sources: Sequence[str | Path],
    out: str | Path | None = None,
    markdown: str | Path | None = None,
    baseline: str | None = None,
    part: str = "val",
    weights: str = "last",
    title: str | None = None,
    block: str | None = None,
    worth: float = 1.0,
    allowed: Collection[str] = (),
    operating_point: bool = False,
    command: str | None = None,
) -> Path:
    """Compare runs, say what came out, and write a page about them.

    Args:
        sources: Work directories, folders with a ``records.jsonl``, or patterns: see
            ``find_runs``.
        out: The page; by default ``report.html`` beside the first ledger.
        markdown: Write the table of arms there, too.
        baseline: Name of the arm that others are compared with; by default the plain
            student.
        part: ``'val'`` or ``'test'``.
        weights: ``'last'`` or ``'best'``.
        title: Of the page; by default the name of the folder.
        block: Of frames, for intervals: ``'10'`` (frames) or ``'30s'``; by default by
            the rule of ``cut_blocks``.
        worth: A difference worth having, in points.
        allowed: What runs may differ in besides: ``'table'``, ``'weights'``.
        operating_point: Decide each run at a threshold chosen on other frames, not by
            argmax; see ``at_operating_points``. Panels still show what argmax found.
        command: What to type to get the same again, named under the figures.

    Returns:
        The page.

    Raises:
        FileNotFoundError: A source does not exist.
        ValueError: There are no runs with counts, a ledger or counts are damaged, or
            runs cannot be compared.
    """
    if part not in PARTS or weights not in WEIGHTS:
        raise ValueError(
            f"part={part!r} must be one of {PARTS}, weights={weights!r} of {WEIGHTS}"
        )
    length = None if block is None else BlockLength.parse(block)
    settings = Settings(block=length, worth=worth, allowed=tuple(allowed))
    console = Console(stderr=True)
    with console.status("Reading runs"):
        runs = find_runs(sources)
        arms, aside = gather_arms(runs, part, weights)
        if operating_point:
            arms = at_operating_points(arms, part, weights)
        first = choose_baseline(arms, baseline)
    with console.status(f"Comparing {len(arms)} arms"):
        others = [arm for arm in arms if arm is not first]
        findings, unpaired = judge(first, others, settings)
    folder = _folder(runs)
    subject = Subject(
        title=title or f"Experiments in {folder.resolve().name}",
        runs=runs,
        findings=findings,
        aside=[*aside, *unpaired],
        part=part,
        weights=weights,
        remarks=[
            *_remarks(findings, part, weights),
            *([OPERATING_POINT[part]] if operating_point else []),
            *_unread(runs),
            *([f"`{command}`"] if command else []),
        ],
    )
    with console.status("Drawing"):
        page = write_experiments_page(subject, out or folder / PAGE)
    if markdown is not None:
        write_whole(Path(markdown), markdown_table(findings, subject.remarks))
    _print(subject, page, markdown)
    return page


def _folder(runs: Sequence[RunRecord]) -> Path:
    ledger = next((run.ledger for run in runs if run.ledger), None)
    return ledger.parent if ledger else runs[0].work_dir


def _unread(runs: Sequence[RunRecord]) -> list[str]:
    ledgers = dict.fromkeys(run.ledger for run in runs if run.ledger)
    counts = {ledger: unread_lines(ledger) for ledger in ledgers}
    return [
        f"{count} lines of {ledger} cannot be read, torn or of another version, and "
        f"are left out; the log says why."
        for ledger, count in counts.items()
        if count
    ]


def _remarks(findings: Findings, part: str, weights: str) -> list[str]:
    """What a reader must know before believing the figures."""
    where = "validation" if part == "val" else "test"
    said = [
        f"{weights.capitalize()} weights, {where} part. Intervals are of 95 %, over "
        f"blocks of {findings.comparison.block} in time."
    ]
    found = [d for d in findings.comparison.differences if d.metric == findings.focus]
    if found and found[0].method == "folds":
        said[0] += (
            " Differences and their intervals are of training again on data like "
            "these: over folds, by the corrected resampled t-test."
        )
    if len(found) > 1:
        said.append(
            f"Verdicts allow for {len(found)} comparisons (Holm), intervals are of one "
            f"each: one that leaves 0 out need not be a verdict. The highest of "
            f"several figures flatters: part of its lead is luck."
        )
    said += findings.comparison.notes
    for each in findings.of_teachers:
        said += [note for note in each.notes if note not in said]
    return said


def _print(subject: Subject, page: Path, markdown: str | Path | None) -> None:
    told = headline(subject.findings)
    print(told.claim, *told.reasons, sep="\n")
    for each in subject.aside:
        print(f"left out: {each.run.name}: {each.why}")
    print(page)
    if markdown is not None:
        print(markdown)


def command_line(arguments: Sequence[str]) -> str:
    """The command as it would be typed."""
    return f"python tools/report.py {' '.join(map(shlex.quote, arguments))}"

"""From work directories to a page and a Markdown table."""

import shlex
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from mmseg_splashkd.files import write_whole
from mmseg_splashkd.records.store import Run
from mmseg_splashkd.report.arms import choose_baseline, gather_arms
from mmseg_splashkd.report.experiments.headline import headline
from mmseg_splashkd.report.experiments.page import (
    PARTS,
    ExperimentsReport,
    write_experiments_page,
)
from mmseg_splashkd.report.experiments.tables import arms_as_markdown
from mmseg_splashkd.report.findings import Findings, judge
from mmseg_splashkd.report.operating_arms import chosen_on, decide
from mmseg_splashkd.report.scored_runs import check_part_and_weights, select_runs
from mmseg_splashkd.statistics import BlockLength, Settings

PAGE = "report.html"
OPERATING_POINT = "not by argmax. Pictures and training curves show argmax."


def report_experiments(
    sources: Sequence[str | Path],
    out: str | Path | None = None,
    markdown: str | Path | None = None,
    command: str | None = None,
    **options: Any,
) -> Path:
    """Compare runs, print the main result and write a page.

    Args:
        sources: Work directories, folders of them, scores files, or patterns.
        out: The page; by default ``report.html`` in the folder that contains the work
            directories.
        markdown: File for the table of arms in Markdown.
        command: Command that makes the same page, printed below the table.
        **options: Other arguments of ``read_experiments``.

    Returns:
        The page.

    Raises:
        FileNotFoundError: A source does not exist.
        ValueError: See ``read_experiments``.
    """
    report = read_experiments(sources, **options)
    if command:
        report = replace(report, remarks=[*report.remarks, f"`{command}`"])
    page = write_experiments_page(report, out or _folder_of(report.runs) / PAGE)
    result = headline(report.findings)
    print(result.claim, *result.reasons, sep="\n")
    for each in report.left_out:
        print(f"left out: {each.run.name}: {each.reason}")
    print(page)
    if markdown is not None:
        table = arms_as_markdown(report.findings, report.remarks)
        print(write_whole(markdown, table))
    return page


def read_experiments(
    sources: Sequence[str | Path],
    baseline: str | None = None,
    part: str = "val",
    weights: str = "last",
    title: str | None = None,
    block: str | None = None,
    worth: float = 1.0,
    allowed: Collection[str] = (),
    operating_point: bool | None = None,
) -> ExperimentsReport:
    """Compare runs.

    Args:
        sources: Work directories, folders of them, scores files, or patterns; see
            ``select_runs``.
        baseline: Arm that the others are compared with, see ``choose_baseline``; by
            default the plain student.
        part: ``'val'`` or ``'test'``.
        weights: ``'last'`` or ``'best'``.
        title: Title of the page; by default it has the name of the folder.
        block: Block length for intervals, ``'10'`` (frames) or ``'30s'``; by default
            the rule of ``cut_blocks``.
        worth: Smallest relevant difference in percentage points, above 0.
        allowed: ``'table'``, ``'weights'``: what the runs may differ in.
        operating_point: Use a threshold chosen on other frames instead of argmax; by
            default where an arm hardly finds the focus class by argmax, see ``decide``.

    Returns:
        Content of a page.

    Raises:
        FileNotFoundError: A source does not exist.
        ValueError: No run has scores, a record or scores are damaged, runs cannot be
            compared, or an argument is out of its range.
    """
    check_part_and_weights(part, weights)
    length = None if block is None else BlockLength.parse(block)
    settings = Settings(block=length, worth=worth, allowed=tuple(allowed))
    console = Console(stderr=True)
    with console.status("Reading runs"):
        selected = select_runs(sources)
        arms, left_out = gather_arms(selected, part, weights)
        arms, hidden = decide(arms, weights, operating_point)
        first = choose_baseline(arms, baseline)
    with console.status(f"Comparing {len(arms)} arms"):
        others = [arm for arm in arms if arm is not first]
        findings, unpaired = judge(first, others, settings)
        findings = replace(findings, hidden=hidden)
    runs = [each.run for each in selected]
    remarks = _remarks(findings, part, weights)
    if operating_point or (hidden is not None and hidden.obstacle is None):
        remarks.append(f"{chosen_on(arms)}, {OPERATING_POINT}")
    return ExperimentsReport(
        title=title or f"Experiments in {_folder_of(runs).resolve().name}",
        runs=runs,
        findings=findings,
        left_out=[*left_out, *unpaired],
        part=part,
        weights=weights,
        remarks=remarks,
    )


def _folder_of(runs: Sequence[Run]) -> Path:
    """The folder that contains all work directories; of one run, its work directory."""
    parents = {run.work_dir.parent for run in runs}
    if len(runs) > 1 and len(parents) == 1:
        return parents.pop()
    return runs[0].work_dir


def _remarks(findings: Findings, part: str, weights: str) -> list[str]:
    """How the figures were obtained, and what limits them."""
    first = (
        f"{weights.capitalize()} weights, {PARTS[part]}. Intervals are 95 % intervals "
        f"over blocks of {findings.comparison.block} in time."
    )
    ranked = [d for d in findings.comparison.differences if d.metric == findings.focus]
    if ranked and ranked[0].method == "folds":
        first += (
            " Intervals of differences cover training again on data of the same kind: "
            "corrected resampled t-test over folds."
        )
    remarks = [first]
    if len(ranked) > 1:
        remarks.append(
            f"Verdicts are Holm-adjusted for {len(ranked)} comparisons, intervals are "
            f"not adjusted: an interval without 0 need not be a verdict. The highest "
            f"of several scores is biased upwards."
        )
    remarks += findings.comparison.notes
    for each in findings.of_teachers:
        remarks += [note for note in each.notes if note not in remarks]
    return remarks


def command_line(arguments: Sequence[str]) -> str:
    """The command with quoted arguments."""
    return f"python tools/report.py {' '.join(map(shlex.quote, arguments))}"

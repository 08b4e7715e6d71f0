"""From work directories to a page and a Markdown table."""

import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from mmseg_splashkd.files import write_whole
from mmseg_splashkd.records.store import Run
from mmseg_splashkd.report.arms import (
    UnknownBaselineError,
    choose_baseline,
    gather_arms,
)
from mmseg_splashkd.report.data_sets import DataSet, by_data_set
from mmseg_splashkd.report.experiments.across_farms import across_farms
from mmseg_splashkd.report.experiments.across_section import (
    across_as_markdown,
    across_in_words,
)
from mmseg_splashkd.report.experiments.budget import budgets_of
from mmseg_splashkd.report.experiments.headline import headline
from mmseg_splashkd.report.experiments.page import (
    PARTS,
    ExperimentsReport,
    write_experiments_page,
)
from mmseg_splashkd.report.experiments.tables import arms_as_markdown
from mmseg_splashkd.report.findings import Findings, judge
from mmseg_splashkd.report.html import write_page
from mmseg_splashkd.report.operating_arms import chosen_on, decide
from mmseg_splashkd.report.scored_runs import (
    SelectedRun,
    check_part_and_weights,
    select_runs,
)
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

    Runs of several data sets are compared within each: every data set gets a page of
    its own beside ``out``, which links them.

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
    selected = select_runs(sources)
    part, weights = options.get("part", "val"), options.get("weights", "last")
    check_part_and_weights(part, weights)
    sets = by_data_set(selected, part, weights)
    out = Path(out or _folder_of([each.run for each in selected]) / PAGE)
    if len(sets) > 1:
        return write_data_sets(sets, out, markdown, command, **options)
    return write_one(compare_selected(selected, **options), out, markdown, command)


def write_one(
    report: ExperimentsReport,
    out: Path,
    markdown: str | Path | None,
    command: str | None,
) -> Path:
    """Print the main result of a report and write its page and table."""
    if command:
        report = replace(report, remarks=[*report.remarks, f"`{command}`"])
    page = write_experiments_page(report, out)
    result = headline(report.findings)
    print(result.claim, *result.reasons, sep="\n")
    across = report.across
    if across is not None and (words := across_in_words(across, report.findings)):
        print(words)
    for each in report.left_out:
        print(f"left out: {each.run.name}: {each.reason}")
    print(page)
    if markdown is not None:
        table = arms_as_markdown(report.findings, report.remarks)
        if across is not None and (more := across_as_markdown(across, report.findings)):
            table = f"{table}\n{more}"
        print(write_whole(markdown, table))
    return page


def write_data_sets(
    sets: Sequence[DataSet],
    out: Path,
    markdown: str | Path | None,
    command: str | None,
    **options: Any,
) -> Path:
    """Write a page per data set, and one that links them.

    Args:
        sets: The data sets, two or more.
        out: The page with the links; those of the data sets have names that begin so.
        markdown: Name of the Markdown tables, to which that of the data set is added.
        command: Command that makes the same pages.
        **options: Other arguments of ``compare_selected``.

    Returns:
        ``out``.

    Raises:
        ValueError: The runs of no data set can be compared, or none has the baseline.
    """
    title = options.pop("title", None)
    baseline = options.pop("baseline", None)
    entries: list[dict[str, Any]] = []
    errors: list[ValueError] = []
    unknown: list[UnknownBaselineError] = []
    for each in sets:
        own = {**options, "title": f"{title or 'Experiments'}: {each.name}"}
        entry: dict[str, Any] = {"name": each.name, "page": "", "runs": len(each.runs)}
        print(f"Data set {each.name}:")
        try:
            try:
                report = compare_selected(each.runs, baseline=baseline, **own)
            except UnknownBaselineError as error:
                unknown.append(error)
                report = compare_selected(each.runs, **own)
        except ValueError as error:
            errors.append(error)
            print(f"cannot report: {error}")
            entries.append({**entry, "classes": [], "words": [str(error)]})
            continue
        table = None if markdown is None else _beside(Path(markdown), each.name)
        page = write_one(report, _beside(out, each.name), table, command)
        entry |= {
            "page": page.name,
            "classes": report.findings.baseline.arm.first.classes,
        }
        result = headline(report.findings)
        entries.append({**entry, "words": [result.claim, *result.reasons]})
    if len(errors) == len(sets):
        raise errors[0]
    if len(unknown) == len(sets):
        raise unknown[0]
    heading = title or f"Experiments in {out.resolve().parent.name}"
    page = write_page("experiments/data_sets.html.j2", out, title=heading, sets=entries)
    print(page)
    return page


def _beside(path: Path, name: str) -> Path:
    return path.with_name(
        f"{path.stem}_{re.sub(r'[^A-Za-z0-9._-]+', '_', name)}{path.suffix}"
    )


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
    return compare_selected(
        select_runs(sources),
        baseline,
        part,
        weights,
        title,
        block,
        worth,
        allowed,
        operating_point,
    )


def compare_selected(
    selected: Sequence[SelectedRun],
    baseline: str | None = None,
    part: str = "val",
    weights: str = "last",
    title: str | None = None,
    block: str | None = None,
    worth: float = 1.0,
    allowed: Collection[str] = (),
    operating_point: bool | None = None,
) -> ExperimentsReport:
    """``read_experiments`` of runs that are selected already; all of one data set."""
    check_part_and_weights(part, weights)
    length = None if block is None else BlockLength.parse(block)
    settings = Settings(block=length, worth=worth, allowed=tuple(allowed))
    console = Console(stderr=True)
    with console.status("Reading runs"):
        arms, left_out = gather_arms(selected, part, weights)
        arms, hidden = decide(arms, weights, operating_point)
        first = choose_baseline(arms, baseline)
    with console.status(f"Comparing {len(arms)} arms"):
        others = [arm for arm in arms if arm is not first]
        findings, unpaired = judge(first, others, settings)
        findings = replace(findings, hidden=hidden)
        budgets = budgets_of(arms, first, settings)
        across = across_farms(findings.shown, part, settings)
    runs = [each.run for each in selected]
    remarks = _remarks(findings, part, weights)
    if operating_point or (hidden is not None and hidden.obstacle is None):
        remarks.append(f"{chosen_on(arms)}, {OPERATING_POINT}")
    if across is not None:
        remarks += across.unknown
    return ExperimentsReport(
        title=title or f"Experiments in {_folder_of(runs).resolve().name}",
        runs=runs,
        findings=findings,
        left_out=[*left_out, *unpaired],
        part=part,
        weights=weights,
        remarks=remarks,
        budgets=budgets,
        across=across,
    )


def _folder_of(runs: Sequence[Run]) -> Path:
    """The folder that contains all work directories; of one run, its work directory."""
    parents = {run.work_dir.parent for run in runs}
    if len(runs) > 1 and len(parents) == 1:
        return parents.pop()
    return runs[0].work_dir


def _remarks(findings: Findings, part: str, weights: str) -> list[str]:
    """How the figures were obtained, and what limits them."""
    compared = findings.comparison
    over = f" over blocks of {compared.block} in time."
    if compared.unit != "time":
        over = f". {compared.sampling}"
    first = (
        f"{weights.capitalize()} weights, {PARTS[part]}. Intervals are 95 % intervals"
        f"{over}"
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

"""Comparison of runs in the terminal, in Markdown and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mmseg_splashkd.files import write_whole
from mmseg_splashkd.records.changes import changed_midway, listed
from mmseg_splashkd.report.arms import ArmRuns, gather_arms
from mmseg_splashkd.report.comparison_tables import (
    as_json,
    as_markdown,
    print_comparison,
)
from mmseg_splashkd.report.operating_arms import at_operating_points, chosen_on, decide
from mmseg_splashkd.report.scored_runs import check_part_and_weights, select_runs
from mmseg_splashkd.statistics import BlockLength, Comparison, Settings, compare
from mmseg_splashkd.statistics.resampling import RESAMPLES


def read_arms(
    sources: Sequence[str | Path],
    part: str | None = None,
    weights: str = "last",
    operating_point: bool = False,
) -> list[ArmRuns]:
    """Read the arms that sources name, which all take part in a comparison.

    Args:
        sources: Work directories, folders of them, scores files, or patterns.
        part: ``'test'`` or ``'val'``; by default the test part where a run has scores
            of it.
        weights: ``'last'`` or ``'best'``.
        operating_point: Replace argmax by a threshold of each run's own; see
            ``at_operating_points``.

    Raises:
        FileNotFoundError: A source does not exist, or a run has no such scores.
        ValueError: Scores are damaged, two runs are indistinguishable, or an argument
            is unknown.
    """
    check_part_and_weights(part, weights)
    selected = select_runs(sources)
    arms, left_out = gather_arms(selected, part, weights, explicit=True)
    if left_out:
        first = left_out[0]
        raise FileNotFoundError(f"run {first.run.name}: {first.reason}")
    return at_operating_points(arms, weights) if operating_point else arms


def changed_runs(arms: Sequence[ArmRuns]) -> list[str]:
    """A caveat for each run that was changed while it was resumed.

    Args:
        arms: The arms of a comparison.
    """
    return [
        f"{run.record.name} was changed while it was resumed: {listed(found)}."
        for arm in arms
        for run in arm.runs.values()
        if (found := changed_midway(run.record))
    ]


def compare_runs(
    runs: Sequence[str | Path],
    part: str | None = None,
    weights: str = "last",
    metrics: Sequence[str] = (),
    block: str | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    worth: float = 1.0,
    allowed: Sequence[str] = (),
    operating_point: bool | None = None,
    equivalent: float | None = None,
    markdown: bool = False,
    json_file: str | Path | None = None,
) -> Comparison:
    """Compare arms with the first of them and print the result.

    Args:
        runs: Work directories, folders of them, scores files, or patterns.
        part: ``'test'`` or ``'val'``; by default the test part where a run has scores
            of it.
        weights: ``'last'`` or ``'best'``.
        metrics: ``mIoU``, ``mDice``, ``IoU.<class>``, ``Dice.<class>``; by default mIoU
            and Dice of the focus class.
        block: Block length in time, ``'10'`` (frames) or ``'30s'``; by default the rule
            of ``cut_blocks``.
        resamples: Number of bootstrap resamples, from 100; default 2000.
        seed: Random seed of the bootstrap; default 0.
        worth: Smallest relevant difference in percentage points, above 0.
        allowed: ``'table'``, ``'weights'``: what the runs may differ in.
        operating_point: Replace argmax by a threshold of each run's own; by default
            where an arm hardly finds the focus class by argmax, which the notes then
            say (see ``operating_arms.decide``).
        equivalent: Margin in points, above 0: also answer whether arms are shown to be
            within it of the first one (see ``statistics.equivalence``).
        markdown: Print Markdown instead of terminal tables.
        json_file: File for all figures as JSON.

    Raises:
        FileNotFoundError: A run or its scores are missing.
        ValueError: Runs cannot be compared, or an argument is out of its range.
    """
    settings = Settings(
        metrics=tuple(metrics),
        block=None if block is None else BlockLength.parse(block),
        resamples=resamples,
        seed=seed,
        worth=worth,
        allowed=tuple(allowed),
        equivalent=equivalent,
    )
    read = read_arms(runs, part, weights)
    arms, hidden = decide(read, weights, operating_point)
    comparison = compare([arm.arm for arm in arms], settings)
    if hidden is not None:
        basis = [f"{chosen_on(arms)}."] if hidden.obstacle is None else []
        notes = (*hidden.sentences, *basis, *comparison.notes)
        comparison = replace(comparison, notes=notes)
    if midway := changed_runs(arms):
        comparison = replace(comparison, notes=(*comparison.notes, *midway))
    if markdown:
        print(as_markdown(comparison), end="")
    else:
        print_comparison(comparison)
    if json_file is not None:
        text = json.dumps(as_json(comparison), indent=1, allow_nan=False)
        write_whole(json_file, f"{text}\n")
    return comparison

"""Read runs, compare them, say what came out."""

import json
from collections.abc import Sequence
from pathlib import Path

from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.comparison.operating import read_arms_at_operating_points
from mmseg_splashkd.report.comparison.runs import read_arms
from mmseg_splashkd.report.comparison.tables import (
    as_json,
    as_markdown,
    print_comparison,
)
from mmseg_splashkd.statistics import (
    BlockLength,
    Comparison,
    Settings,
    compare,
)
from mmseg_splashkd.statistics.resampling import RESAMPLES


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
    operating_point: bool = False,
    markdown: bool = False,
    json_file: str | Path | None = None,
) -> Comparison:
    """Compare runs with the first of them, and print what came out.

    Args:
        runs: See :func:`~mmseg_splashkd.report.comparison.runs.read_arms`, as ``part``
            and ``weights``.
        part: ``test`` or ``val``.
        weights: ``last`` or ``best``.
        metrics: ``mIoU``, ``mDice``, ``IoU.<class>``, ``Dice.<class>``; by default mIoU
            and Dice of the class that the scores are about.
        block: ``'10'`` (frames) or ``'30s'``; by default by the rule of ``cut_blocks``.
        resamples: Of the bootstrap, 100 or more.
        seed: Of the bootstrap.
        worth: A difference worth having, in points.
        allowed: ``table``, ``weights``: what runs may differ in besides.
        operating_point: Decide each run at a threshold of its own, not by argmax; see
            ``read_arms_at_operating_points``.
        markdown: Print Markdown.
        json_file: Write all figures there, too.

    Raises:
        FileNotFoundError: A run or its scores are missing.
        ValueError: Runs cannot be compared, or an argument is unfit.
    """
    settings = Settings(
        metrics=tuple(metrics),
        block=None if block is None else BlockLength.parse(block),
        resamples=resamples,
        seed=seed,
        worth=worth,
        allowed=tuple(allowed),
    )
    read = read_arms_at_operating_points if operating_point else read_arms
    comparison = compare(read(runs, part, weights), settings)
    if markdown:
        print(as_markdown(comparison), end="")
    else:
        print_comparison(comparison)
    if json_file is not None:
        text = json.dumps(as_json(comparison), indent=1, allow_nan=False)
        write_whole(json_file, f"{text}\n")
    return comparison

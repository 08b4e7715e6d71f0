"""Which part, weights, iteration and decision the scores of an arm are of."""

from collections.abc import Iterator, Sequence
from typing import Any

from mmseg_splashkd.evaluation.frame_scores import FrameScores

PARTS = {"val": "validation part", "test": "test part", "train": "training part"}


def part_of(scores: FrameScores) -> str | None:
    """The part that frames are of: its split where the data set has one."""
    return scores.about.get("split") or scores.about.get("part")


def source_of(runs: Sequence[FrameScores]) -> str:
    """Part, weights, iteration and decision of the scores of an arm.

    Such as ``test part, best weights, iteration 2,000, p >= 0.25``; what differs
    between its runs is given for all of them, and what is unknown is left out.
    """
    return ", ".join(_words(runs))


def _words(runs: Sequence[FrameScores]) -> Iterator[str]:
    parts = _distinct(part_of(run) for run in runs)
    if parts:
        yield " and ".join(PARTS.get(part, f"part {part}") for part in parts)
    weights = _distinct(run.about.get("weights") for run in runs)
    if weights:
        yield f"{' and '.join(weights)} weights"
    reached = _distinct(run.about.get("iteration") for run in runs)
    if reached:
        low, high = min(reached), max(reached)
        yield (
            f"iteration {low:,}" if low == high else f"iterations {low:,} to {high:,}"
        )
    chosen = _distinct(value for run in runs for value in _thresholds(run))
    if chosen:
        low, high = min(chosen), max(chosen)
        yield f"p >= {low:.4g}" + ("" if low == high else f" to {high:.4g}")
    if any(run.about.get("tta") for run in runs):
        yield "test-time augmentation"


def _thresholds(run: FrameScores) -> Iterator[float | None]:
    """One threshold, or, where runs are cross-fitted, one of each block of frames."""
    chosen: Any = run.about.get("threshold")
    yield from chosen if isinstance(chosen, tuple | list) else [chosen]


def _distinct(values: Iterator[Any]) -> list[Any]:
    return list(dict.fromkeys(value for value in values if value is not None))

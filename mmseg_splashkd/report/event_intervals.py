"""Intervals of scores of events: tables, notes and JSON values."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.report.arms_output import Table
from mmseg_splashkd.report.formatting import minus, plural
from mmseg_splashkd.statistics.blocks import FEWEST, BlockLength, Blocks
from mmseg_splashkd.statistics.event_arms import (
    Estimated,
    are_of_same_frames,
    blocked_events,
    estimate_events,
)

COLUMNS = {
    "precision": "Precision (%)",
    "recall": "Recall (%)",
    "f1": "F1 (%)",
    "false_per_hour": "False per hour",
    "onset_abs_mean": "Onset, abs. (s)",
    "end_abs_mean": "End, abs. (s)",
    "area_mean": "Area (%)",
}
TABLES = (("precision", "recall", "f1", "false_per_hour"), tuple(COLUMNS)[4:])
DIGITS: Mapping[str, int] = {"precision": 1, "recall": 1, "f1": 1, "area_mean": 1}
Estimates = Mapping[str, Estimated]


@dataclass(frozen=True)
class EventIntervals:
    """Estimates of arms, and of their differences from the first one.

    Args:
        names: Names of the arms.
        arms: Estimates of each arm.
        differences: Differences of each further arm; empty where arms were tested on
            different frames.
        blocks: Blocks of each arm, which were resampled.
    """

    names: Sequence[str]
    arms: Sequence[Estimates]
    differences: Sequence[Estimates]
    blocks: Sequence[Blocks]

    def tables(self) -> Iterator[Table]:
        """Headings and rows."""
        first, *others = self.names
        for figures in TABLES:
            rows = [
                [name, *(_cell(figure, arm[figure]) for figure in figures)]
                for name, arm in zip(self.names, self.arms, strict=True)
            ]
            rows += [
                [f"{name} less {first}", *(_cell(f, each[f], True) for f in figures)]
                for name, each in zip(others, self.differences, strict=False)
            ]
            yield ["Arm", *(COLUMNS[figure] for figure in figures)], rows

    def notes(self) -> Iterator[str]:
        """Sentences below the tables."""
        if len(self.differences) < len(self.names) - 1:
            yield "No differences: the arms were tested on different frames or labels."
        enough = [each for each in self.blocks if len(each) >= FEWEST]
        few = [each for each in self.blocks if len(each) < FEWEST]
        if few:
            yield (
                f"There are no intervals where frames make {_listed(few)}: {FEWEST} "
                f"are needed. Test on more frames, or take shorter blocks (--block)."
            )
        if not enough:
            return
        yield (
            f"In brackets of single figures and differences are 95 % intervals for "
            f"other frames of the same cameras (block bootstrap, {_listed(enough)}); "
            f"other seeds are not in them."
        )
        if any(
            each.interval is None and not math.isnan(each.value)
            for estimates in [*self.arms, *self.differences]
            for each in estimates.values()
        ):
            yield (
                f"No interval where all blocks agree, as at 100 % and at no false "
                f"alarm, or where fewer than {FEWEST} blocks have such events."
            )

    def as_json(self, number: int) -> dict[str, Any]:
        """``intervals`` of an arm, from 0, and ``differences`` from the first arm."""
        values = {"intervals": _values(self.arms[number])}
        if number and self.differences:
            values["differences"] = _values(self.differences[number - 1])
        return values


def event_intervals(
    files: Sequence[str | Path],
    names: Sequence[str],
    settings: EventSettings,
    tolerance_s: float = 0.0,
    block: str | None = None,
) -> EventIntervals:
    """Estimate the arms of scores files.

    Args:
        files: Scores files of tests, one arm each.
        names: Names of the arms.
        settings: When a series of shares is an event.
        tolerance_s: As in ``match_events``.
        block: Length of a block, such as ``'60s'``; by default as of
            ``event_blocks``.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: A file is damaged, or an argument is invalid.
    """
    length = None if block is None else BlockLength.parse(block)
    scores = [load_scores(file) for file in files]
    found = [blocked_events(each, settings, tolerance_s, length) for each in scores]
    sums = [each.sums for each in found]
    return EventIntervals(
        names,
        [estimate_events(each) for each in sums],
        [estimate_events(each, sums[0]) for each in sums[1:]]
        if are_of_same_frames(scores, found)
        else [],
        [each.blocks for each in found],
    )


def _listed(blocks: Sequence[Blocks]) -> str:
    return " and ".join(dict.fromkeys(map(_made, blocks)))


def _made(blocks: Blocks) -> str:
    """``24 blocks of 38.2 frames``, or ``12 recordings``."""
    if blocks.length is None:
        return f"{plural(len(blocks), 'recording')}, or groups that overlap in time"
    return f"{plural(len(blocks), 'block')} of {blocks.length}"


def _cell(name: str, each: Estimated, is_difference: bool = False) -> str:
    if math.isnan(each.value):
        return "n/a"
    signs = is_difference or name == "area_mean"
    form = f"{'+' if signs else ''}.{DIGITS.get(name, 2)}f"
    if each.interval is None:
        return minus(f"{each.value:{form}}")
    low, high = (f"{end:{form}}" for end in (each.interval.low, each.interval.high))
    return minus(f"{each.value:{form}} ({low} to {high})")


def _values(estimates: Estimates) -> dict[str, Any]:
    return {
        f"Events.{name}": {
            "value": each.value,
            "low": each.interval and each.interval.low,
            "high": each.interval and each.interval.high,
        }
        for name, each in estimates.items()
        if not math.isnan(each.value)
    }

"""Intervals of scores of events, and of differences between arms."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.evaluation.bursts import stretches
from mmseg_splashkd.evaluation.events import (
    EventSettings,
    RecordedEvent,
    events_of_scores,
    match_events,
)
from mmseg_splashkd.evaluation.events.event import Event
from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.statistics.blocks import FEWEST, BlockLength, Blocks
from mmseg_splashkd.statistics.event_blocks import event_blocks
from mmseg_splashkd.statistics.intervals import Interval, over_frames
from mmseg_splashkd.statistics.resampling import (
    RESAMPLES,
    block_bootstrap,
)

# Sums over the events of a block, and its observed hours.
SUMS = ("pairs", "found", "true", "false", "hours", "onset", "end", "area", "areas")
# Figure -> factor, what is summed, and what that is divided by.
RATIOS = {
    "precision": (100, ("pairs",), ("found",)),
    "recall": (100, ("pairs",), ("true",)),
    "f1": (200, ("pairs",), ("found", "true")),
    "false_per_hour": (1, ("false",), ("hours",)),
    "onset_abs_mean": (1, ("onset",), ("pairs",)),
    "end_abs_mean": (1, ("end",), ("pairs",)),
    "area_mean": (100, ("area",), ("areas",)),
}
MOST = {"precision": 100.0, "recall": 100.0, "f1": 100.0}  # of the figures
SIGNED = ("area_mean",)  # figures that can be below 0
LEAST_ERROR = 1e-12  # what is less is rounding


class BlockedEvents(NamedTuple):
    """Scores of events, apart for each of Q blocks of time.

    Attributes:
        sums: (Q, 9) float: pairs, found, true and false events, observed hours, sums of
            the absolute errors of onset and end of the pairs in seconds, sum of their
            relative errors in area, and number of pairs with a true area.
        blocks: Block of each of the N frames with a label.
        frames: (N,) their indices in the scores.
    """

    sums: np.ndarray
    blocks: Blocks
    frames: np.ndarray


class Estimated(NamedTuple):
    """A figure, or the difference of two.

    Attributes:
        value: The figure; NaN where it is undefined.
        interval: Its 95 % interval; None where there is none.
    """

    value: float
    interval: Interval | None


def blocked_events(
    scores: FrameScores,
    settings: EventSettings | None = None,
    tolerance_s: float = 0.0,
    block: BlockLength | None = None,
) -> BlockedEvents:
    """Find and match the events of a test, and sum them up in each block.

    Events are matched in whole recordings, as of ``score_events``. A pair counts in the
    block in which its true event begins, and any other event where it begins.

    Args:
        scores: Scores of frames with times.
        settings: When a series of shares is an event.
        tolerance_s: As in ``match_events``.
        block: Length of a block; default as of ``event_blocks``.

    Raises:
        ValueError: A frame has no time, or an argument is out of its range.
    """
    test = events_of_scores(scores, settings)
    frames = np.flatnonzero(scores.confusion.sum((1, 2)))
    names = [scores.recordings[index] for index in frames]
    times = scores.timestamps[frames]
    blocks = event_blocks(names, times, block)
    sums = np.zeros((len(blocks), len(SUMS)))
    np.add.at(sums[:, SUMS.index("hours")], blocks.index, _hours(names, times))
    listed = np.array(names)
    for name in dict.fromkeys(names):
        rows = np.flatnonzero(listed == name)
        rows = rows[np.argsort(times[rows])]
        found, true = (_of(events, name) for events in (test.found, test.true))

        def place(event: Event, rows: np.ndarray = rows) -> int:
            at = np.searchsorted(times[rows], event.start_ns)
            return int(blocks.index[rows[at]])

        for event, values in _parts(found, true, tolerance_s):
            sums[place(event)] += values
    return BlockedEvents(sums, blocks, frames)


def _hours(names: Sequence[str], times: np.ndarray) -> np.ndarray:
    """(N,) observed hours of each frame: until the next one, or one interval."""
    hours = np.empty(len(times))
    for rows, interval in stretches(names, times):
        hours[rows[:-1]] = np.diff(times[rows]) / SECOND
        hours[rows[-1]] = interval
    return hours / 3600


def _of(events: Sequence[RecordedEvent], name: str) -> list[Event]:
    return [each.event for each in events if each.recording == name]


def _parts(
    found: Sequence[Event], true: Sequence[Event], tolerance_s: float
) -> Iterator[tuple[Event, list[float]]]:
    """An event by which a block is chosen, and what it adds to the sums."""
    matching = match_events(found, true, tolerance_s)
    paired, false = dict(matching.pairs), set(matching.false)
    for row, event in enumerate(found):
        values = dict.fromkeys(SUMS, 0.0)
        values["found"] = 1.0
        values["false"] = float(row in false)
        at = event
        if row in paired:
            at = true[paired[row]]
            values |= _pair(event, at)
        yield at, [values[name] for name in SUMS]
    lost = set(range(len(true))) - set(paired.values())
    for column in sorted(lost):
        yield true[column], [float(name == "true") for name in SUMS]


def _pair(found: Event, true: Event) -> dict[str, float]:
    has_area = true.area_share_s > 0 and found.area_share_s >= 0
    return {
        "pairs": 1.0,
        "true": 1.0,
        "onset": abs(found.start_ns - true.start_ns) / SECOND,
        "end": abs(found.end_ns - true.end_ns) / SECOND,
        "area": found.area_share_s / true.area_share_s - 1 if has_area else 0.0,
        "areas": float(has_area),
    }


def figures_of(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Figures of sums, named as of ``event_metrics`` without ``Events.``.

    Args:
        sums: (..., 9) of ``BlockedEvents``.

    Returns:
        Arrays of shape (...): percent for shares and for the area, seconds for onset
        and end; NaN where undefined.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {}
        for name, (factor, above, below) in RATIOS.items():
            under = _total(sums, below)
            ratio = factor * _total(sums, above) / under
            found[name] = np.where(under > 0, ratio, np.nan)
        return found


def _total(sums: np.ndarray, names: Sequence[str]) -> np.ndarray:
    return sums[..., [SUMS.index(name) for name in names]].sum(-1)


def estimate_events(
    arm: np.ndarray, base: np.ndarray | None = None, resamples: int = RESAMPLES
) -> dict[str, Estimated]:
    """Figures of an arm, or their differences from another arm, with intervals.

    Intervals are for other frames of the same cameras, by ``block_bootstrap`` with the
    same weights for both arms. They say nothing of other seeds of the training.

    Args:
        arm: (Q, 9) sums of the arm, as of ``BlockedEvents``.
        base: The same of the other arm, in the same blocks; None: the arm alone.
        resamples: Number of resamples.

    Returns:
        Figure -> estimate, in the order of ``figures_of``. Blocks without such events
        tell nothing: Student's t has the degrees of freedom of the blocks that have
        some, in both arms, less 1. There is no interval with fewer than five of them,
        or where none differs from the others: that a figure is 100 % in all of them
        does not show that it is always.
    """
    sides = [arm] if base is None else [arm, base]
    both = np.stack(sides)
    whole = [figures_of(side.sum(0)) for side in both]
    found = {}
    for name in whole[0]:
        values = [float(side[name]) for side in whole]
        value = values[0] - (values[1] if len(values) > 1 else 0.0)
        found[name] = Estimated(value, _interval(both, name, resamples))
    return found


def _interval(both: np.ndarray, name: str, resamples: int) -> Interval | None:
    counted = int((_total(both, RATIOS[name][2]) > 0).sum(1).min())
    if counted < FEWEST:
        return None

    def statistic(weights: np.ndarray) -> np.ndarray:
        values = [figures_of(weights @ side)[name] for side in both]
        return values[0] - values[1] if len(values) > 1 else values[0]

    spread = block_bootstrap(statistic, both.shape[1], resamples)
    interval = over_frames(replace(spread, blocks=counted))
    if interval.error <= LEAST_ERROR:
        return None
    if len(both) > 1 or name in SIGNED:
        return interval
    return interval.within(0.0, MOST.get(name, np.inf))


def are_of_same_frames(
    arms: Sequence[FrameScores], blocked: Sequence[BlockedEvents]
) -> bool:
    """Whether all arms were tested on the same frames, labels and focus class.

    Only then they have the same blocks and the same true events.
    """

    def tested(scores: FrameScores, each: BlockedEvents) -> tuple[Any, ...]:
        names = [scores.recordings[index] for index in each.frames]
        true = scores.confusion[each.frames].sum(2)
        times = scores.timestamps[each.frames]
        return names, times.tolist(), true.tolist(), scores.classes, scores.focus

    found = [tested(*pair) for pair in zip(arms, blocked, strict=True)]
    return all(each == found[0] for each in found)

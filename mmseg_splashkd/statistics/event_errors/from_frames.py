"""The reference of frames with known shares, and what is seen of events."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmseg_splashkd.evaluation.bursts import stretches
from mmseg_splashkd.evaluation.events import Event, EventSettings, find_events
from mmseg_splashkd.statistics.event_errors.attribution import attribute
from mmseg_splashkd.statistics.event_errors.reference import (
    EventReference,
    Known,
    Missed,
    Seen,
    Signs,
)

NAN = float("nan")


class KnownFrames(NamedTuple):
    """N frames whose truth is known, in any order.

    Attributes:
        recordings: N names of their recordings.
        times_ns: (N,) int64 UNIX nanoseconds.
        predicted: (N,) predicted share of the pixels, in [0, 1].
        confidence: (N,) mean probability of these pixels, in [0, 1]; NaN without any.
        true: (N,) true share of the pixels, in [0, 1].
        blocks: (N,) int, block of each frame, in [0, J).
    """

    recordings: Sequence[str]
    times_ns: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    true: np.ndarray
    blocks: np.ndarray

    def of(self, rows: np.ndarray) -> "KnownFrames":
        """Some of the frames.

        Args:
            rows: (n,) their indices.
        """
        names = [self.recordings[int(row)] for row in rows]
        return KnownFrames(names, *(each[rows] for each in self[1:]))


def reference_of(
    frames: KnownFrames, settings: EventSettings, class_name: str
) -> EventReference:
    """Find events in predictions and truth, and keep what they have in common.

    A recording of a single frame has no duration and is left out.

    Args:
        frames: The frames.
        settings: When a series of shares is an event, in predictions and truth.
        class_name: The class.

    Raises:
        ValueError: Too few events or blocks, see ``EventReference``.
    """
    found: list[Known] = []
    missed: list[Missed] = []
    is_calm = np.ones(len(frames.times_ns), bool)
    intervals: list[float] = []
    for rows, interval in stretches(frames.recordings, frames.times_ns):
        if not interval:
            continue
        into = compare_stretch(frames.of(rows), settings, interval)
        found += into.found
        missed += into.missed
        is_calm[rows] = into.is_calm
        intervals += [interval] * (len(rows) - 1)
    step = float(np.median(intervals)) if intervals else NAN
    found.sort(key=lambda each: each.block)
    missed.sort(key=lambda each: each.block)
    signs = tuple(_signs(frames, found, is_calm))
    return EventReference(
        settings, class_name, step, tuple(found), tuple(missed), signs
    )


class Compared(NamedTuple):
    """Events of frames without a pause.

    Attributes:
        found: The found ones.
        missed: The missed ones.
        is_calm: (N,) bool, whether a frame is of no found event.
    """

    found: list[Known]
    missed: list[Missed]
    is_calm: np.ndarray


def compare_stretch(
    frames: KnownFrames, settings: EventSettings, interval_s: float
) -> Compared:
    """Find events in predictions and truth, and attribute the true ones.

    Args:
        frames: Frames of one recording in the order of time, without a pause.
        settings: When a series of shares is an event.
        interval_s: Seconds between frames, above 0.
    """
    times = frames.times_ns
    found, true = (
        find_events(times, shares, settings, interval_s)
        for shares in (frames.predicted, frames.true)
    )
    own = attribute(found, true)
    is_calm = np.ones(len(times), bool)
    known = []
    for index, event in enumerate(found):
        rows = (times >= event.start_ns) & (times <= event.end_ns)
        is_calm &= ~rows
        mine = [each for each, at in zip(true, own, strict=True) if at == index]
        seen = seen_event(event, frames.predicted[rows], frames.confidence[rows])
        sizes = (sum(e.duration_s for e in mine), sum(e.area_share_s for e in mine))
        known.append(Known(_block(frames, event), seen, len(mine), *sizes))
    lost = [each for each, at in zip(true, own, strict=True) if at is None]
    return Compared(
        known,
        [Missed(_block(frames, e), e.duration_s, e.area_share_s) for e in lost],
        is_calm,
    )


def seen_event(event: Event, shares: np.ndarray, confidence: np.ndarray) -> Seen:
    """What is seen of an event.

    Args:
        event: The event.
        shares: (n,) predicted shares of its frames.
        confidence: (n,) confidence of its frames; NaN where nothing is predicted.
    """
    weight = np.where(np.isnan(confidence), 0.0, shares)
    mean = np.nansum(weight * confidence) / weight.sum()
    return Seen(event.duration_s, event.area_share_s, event.peak_share, float(mean))


def _block(frames: KnownFrames, event: Event) -> int:
    return int(frames.blocks[np.searchsorted(frames.times_ns, event.start_ns)])


def _signs(
    frames: KnownFrames, found: Sequence[Known], is_calm: np.ndarray
) -> list[Signs]:
    signs = []
    for block in range(int(frames.blocks.max()) + 1):
        sure = [each.seen.confidence for each in found if each.block == block]
        own = frames.blocks == block
        shown = (np.array(sure), frames.predicted[own & is_calm], ~is_calm[own])
        signs.append(Signs(*map(_mean, shown)))
    return signs


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else NAN

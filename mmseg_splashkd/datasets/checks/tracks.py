"""Tracks: frames of one recording in time order, with their parts."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.timestamps import SECOND, to_utc

GAP_INTERVALS = 10

Parts = Mapping[str, Sequence[Frame]]


@dataclass(frozen=True)
class Track:
    """One recording with N frames in time order.

    Args:
        recording: Name of the recording.
        frames: N frames of all parts.
        parts: (N,) name of each frame's part.
        times: (N,) int64 UNIX time in nanoseconds.
        interval: Median time between consecutive frames in seconds; NaN if all time
            stamps are equal.
    """

    recording: str
    frames: list[Frame]
    parts: np.ndarray
    times: np.ndarray
    interval: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Gap of a recording: UNIX nanoseconds of the frames before and after it."""

    recording: str
    start: int
    end: int


def tracks(parts: Parts) -> list[Track]:
    """Tracks of all recordings of the given parts, sorted by name.

    Frames without time are in no track.
    """
    rows = defaultdict(list)
    for part, frames in parts.items():
        for frame in frames:
            if not frame.has_time:
                continue
            rows[frame.recording].append((frame.timestamp, part, frame))
    return [_track(name, rows[name]) for name in sorted(rows)]


def _track(recording: str, rows: list[tuple[int, str, Frame]]) -> Track:
    rows.sort(key=lambda row: row[0])
    times, names, frames = zip(*rows, strict=True)
    times = np.array(times, np.int64)
    steps = np.diff(times)
    steps = steps[steps > 0]
    interval = float(np.median(steps)) / SECOND if len(steps) else float("nan")
    return Track(recording, list(frames), np.array(names), times, interval)


def gaps(track: Track) -> list[Gap]:
    """Gaps of more than ten times the median interval."""
    long = np.diff(track.times) > GAP_INTERVALS * track.interval * SECOND
    return [
        Gap(track.recording, int(track.times[i]), int(track.times[i + 1]))
        for i in np.flatnonzero(long)
    ]


def unique_frames(parts: Parts) -> list[Frame]:
    """Frames of all parts, each path once."""
    return list({f.image: f for frames in parts.values() for f in frames}.values())


def frames_per_day(parts: Parts) -> dict[tuple[date, str], Counter[str]]:
    """(UTC day, recording) -> part -> number of frames, sorted by day.

    Frames without time are not counted.
    """
    days: defaultdict[tuple[date, str], Counter[str]] = defaultdict(Counter)
    for part, frames in parts.items():
        for frame in filter(lambda frame: frame.has_time, frames):
            days[to_utc(frame.timestamp).date(), frame.recording][part] += 1
    return dict(sorted(days.items()))

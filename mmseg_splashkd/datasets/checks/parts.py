"""Checks of train, val and test by their rows only; no pixels are read."""

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from mmseg_splashkd.datasets.checks.finding import Finding, counted
from mmseg_splashkd.datasets.checks.tracks import Gap, Parts, Track, gaps, tracks
from mmseg_splashkd.datasets.frames import Frame, missing_files, require_time
from mmseg_splashkd.datasets.splits.embargo import Embargo
from mmseg_splashkd.datasets.timestamps import SECOND, to_utc

NEAR_INTERVALS = 2.5  # includes the second next frame, with some jitter
# Waves and foam have changed after a minute; only light and weather remain similar.
OVERLAP_SECONDS = 60.0
DRIFT = 5.0  # ratio of the largest to the smallest splash share of a part
YEAR_2000 = 946_684_800 * SECOND
NAMED_GAPS = 3


def check_parts(
    parts: Parts,
    embargo_seconds: float | None = None,
    class_name: str = "splash",
) -> list[Finding]:
    """Check parts as training reads them, by their rows only.

    Evaluated frames are those of any part except ``'train'``. A training frame close in
    time is a near-duplicate of an evaluated frame. Close means less than
    ``embargo_seconds`` away in any recording, by default less than 2.5 median intervals
    away in the same recording.

    - ``overlap``: close training frames both before and after the evaluated frame, as
      in random splits and never in cuts along time. An error; a warning for frames in
      folds, or if both are more than a minute away.
    - ``border``: a close training frame on one side. A warning; an embargo avoids it.

    Frames without time have no neighbours: only checks of paths, labels and shares
    apply to them.

    Args:
        parts: Name -> frames in any order; the training part is named ``'train'``.
        embargo_seconds: Required distance between training and evaluated frames in
            seconds, at least 0; default 2.5 median intervals.
        class_name: Class whose shares the frames hold; default ``'splash'``.

    Returns:
        The findings, grouped by check; see ``CODES``.

    Raises:
        ValueError: ``embargo_seconds`` is negative or not finite, or a frame has no
            time.
    """
    if embargo_seconds is not None:
        embargo = Embargo(seconds=embargo_seconds)  # validates the value
        require_time(_all(parts), f"embargo {embargo}")
    recordings = tracks(parts)
    return [
        *_empty(parts),
        *_shared_frames(parts),
        *_shared_labels(parts),
        *_missing(parts),
        *_near(parts, _tracks(parts, embargo_seconds), embargo_seconds),
        *_mixed(parts, recordings),
        *_odd_times(parts),
        *_shares(parts, class_name),
        *_unlabelled(parts),
        *_gaps(recordings),
    ]


def _images(frames: Sequence[Frame]) -> tuple[str, ...]:
    return tuple(frame.image for frame in frames)


def _all(parts: Parts) -> list[Frame]:
    return [frame for frames in parts.values() for frame in frames]


def _empty(parts: Parts) -> Iterator[Finding]:
    for part, frames in parts.items():
        if not frames:
            yield Finding("error", "empty_part", f"{part} has no frames")


def _shared_frames(parts: Parts) -> Iterator[Finding]:
    """Frames with the same path, or the same recording and time or name."""
    keys = {
        part: (
            {os.path.normpath(frame.image) for frame in frames},
            {frame.key for frame in frames},
        )
        for part, frames in parts.items()
    }
    for first, second in combinations(parts, 2):
        paths, moments = (a & b for a, b in zip(keys[first], keys[second], strict=True))
        shared = [
            frame
            for frame in parts[second]
            if frame.key in moments
            or (paths and os.path.normpath(frame.image) in paths)
        ]
        if shared:
            text = f"{counted(len(shared), 'frame')} in both {first} and {second}"
            yield Finding("error", "shared_frame", text, _images(shared))


def _shared_labels(parts: Parts) -> Iterator[Finding]:
    images = defaultdict(set)
    for frame in _all(parts):
        if frame.label:
            images[frame.label].add(frame.image)
    for label, sharing in images.items():
        if len(sharing) > 1:
            text = f"{label} is the label of {len(sharing)} frames"
            yield Finding("error", "shared_label", text, tuple(sorted(sharing)))


def _missing(parts: Parts) -> Iterator[Finding]:
    if missing := tuple(dict.fromkeys(missing_files(_all(parts)))):
        text = counted(len(missing), "missing file")
        if odd := sum(Path(path).exists() for path in missing):
            text += f", of which {odd} exist as folders, pipes or devices"
        yield Finding("error", "missing_file", text, missing)


def _near(
    parts: Parts, recordings: list[Track], embargo: float | None
) -> Iterator[Finding]:
    evaluated = [part for part in parts if part != "train" and "train" in parts]
    for part in evaluated:
        enclosed, beside, close, reach = [], [], False, 0.0
        for track in recordings:
            near = NEAR_INTERVALS * track.interval if embargo is None else embargo
            frames, before, after = _distances(track, part)
            for frame, b, a in zip(frames, before < near, after < near, strict=True):
                (enclosed if a and b else beside if a or b else []).append(frame)
            both = np.maximum(before, after)
            close |= bool((both < min(near, OVERLAP_SECONDS)).any())
            reach = max(reach, near if len(frames) else 0)
        yield from _near_findings(
            part, len(parts[part]), reach, enclosed, beside, close
        )


def _tracks(parts: Parts, embargo: float | None) -> list[Track]:
    """One track per recording, or one of all: an embargo counts across cameras."""
    if embargo is None:
        return tracks(parts)
    merged = {
        part: [replace(frame, recording="") for frame in frames]
        for part, frames in parts.items()
    }
    return tracks(merged)


def _mixed(parts: Parts, recordings: list[Track]) -> Iterator[Finding]:
    """Test frames between close val frames, which select the best weights."""
    mixed = []
    for track in recordings if {"val", "test"} <= parts.keys() else ():
        near = NEAR_INTERVALS * track.interval
        frames, before, after = _distances(track, "test", "val")
        both = zip(frames, np.maximum(before, after), strict=True)
        mixed += [frame for frame, away in both if away < near]
    if mixed:
        text = f"{len(mixed)} of {len(parts['test'])} test frames between val frames"
        yield Finding("warning", "overlap", text, _images(mixed))


def _distances(
    track: Track, part: str, other: str = "train"
) -> tuple[list[Frame], np.ndarray, np.ndarray]:
    """M frames of a part, and (M,) seconds to the other part before and after them."""
    rows = np.flatnonzero(track.parts == part)
    training = track.times[track.parts == other].astype(np.float64)
    training = np.concatenate([[-np.inf], training, [np.inf]])
    times = track.times[rows]
    after = np.searchsorted(training, times)
    before = times - training[after - 1], training[after] - times
    return [track.frames[i] for i in rows], before[0] / SECOND, before[1] / SECOND


def _near_findings(
    part: str,
    total: int,
    reach: float,
    enclosed: list[Frame],
    beside: list[Frame],
    close: bool,
) -> Iterator[Finding]:
    where = f"of {total} {part} frames"
    if enclosed:
        folds = any(frame.fold is not None for frame in enclosed)
        level = "error" if close and not folds else "warning"
        text = (
            f"{len(enclosed)} {where} between train frames less than {reach:.3g} s "
            f"away on either side, so their scores are optimistic. Split the frames "
            f"along time (tools/split_dataset.py)"
        )
        yield Finding(level, "overlap", text, _images(enclosed))
    if beside:
        text = (
            f"{len(beside)} {where} less than {reach:.3g} s from a train frame; "
            f"add an embargo between the parts"
        )
        yield Finding("warning", "border", text, _images(beside))


def _odd_times(parts: Parts) -> Iterator[Finding]:
    now = time.time_ns()
    frames = [frame for frame in _all(parts) if frame.has_time]
    early = [frame for frame in frames if frame.timestamp < YEAR_2000]
    late = [frame for frame in frames if frame.timestamp > now]
    when = {"before 2000, such as frame numbers": early, "in the future": late}
    for text, odd in when.items():
        if odd:
            text = f"{counted(len(odd), 'time stamp')} {text}"
            yield Finding("warning", "odd_time", text, _images(odd))


def mean_shares(parts: Parts) -> dict[str, float]:
    """Part -> mean splash share in [0, 1] of its frames with a known share."""
    shares = {
        part: [f.splash_share for f in frames if f.splash_share is not None]
        for part, frames in parts.items()
    }
    return {
        part: sum(shares[part]) / len(shares[part]) for part in shares if shares[part]
    }


def _shares(parts: Parts, class_name: str) -> Iterator[Finding]:
    shares = mean_shares(parts)
    for part in (part for part, share in shares.items() if share == 0):
        text = f"no frame of {part} has {class_name}: its Dice is undefined or 0"
        yield Finding("error", "no_splash", text)
    listed = [(share, part) for part, share in shares.items() if share > 0]
    if listed and max(listed)[0] > DRIFT * min(listed)[0]:
        (low, least), (high, most) = min(listed), max(listed)
        text = f"{class_name} is {high:.2%} of {most}, but {low:.2%} of {least}"
        yield Finding("warning", "share_drift", text)


def _unlabelled(parts: Parts) -> Iterator[Finding]:
    for part, frames in parts.items():
        if without := [frame for frame in frames if not frame.label]:
            text = f"{len(without)} of {len(frames)} frames of {part} without a label"
            yield Finding("note", "unlabelled", text, _images(without))


def _gaps(recordings: list[Track]) -> Iterator[Finding]:
    for track in recordings:
        if track_gaps := gaps(track):
            longest = sorted(track_gaps, key=lambda gap: gap.start - gap.end)
            longest = longest[:NAMED_GAPS]
            number = counted(len(track_gaps), "gap")
            text = (
                f"{number} in recording {track.recording!r}, which has a frame every "
                f"{track.interval:.3g} s, such as " + ", ".join(map(_describe, longest))
            )
            yield Finding("note", "gap", text)


def _describe(gap: Gap) -> str:
    start, end = (f"{to_utc(t):%Y-%m-%d %H:%M:%S}" for t in (gap.start, gap.end))
    return f"{start} to {end} UTC"

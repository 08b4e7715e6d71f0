"""The fast part: what the rows alone tell of train, val and test, without a pixel."""

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from mmseg_splashkd.datasets.checks.finding import Finding, counted
from mmseg_splashkd.datasets.checks.tracks import Gap, Parts, Track, gaps, tracks
from mmseg_splashkd.datasets.frames import Frame, missing_files
from mmseg_splashkd.datasets.timestamps import SECOND, utc

NEAR_INTERVALS = 2.5  # the next frame but one, though it may come late
# Waves and foam of a minute ago are gone; what light and weather give away is less.
OVERLAP_SECONDS = 60.0
DRIFT = 5.0  # between the parts' shares of splash
YEAR_2000 = 946_684_800 * SECOND
NAMED_GAPS = 3


def check_parts(parts: Parts, embargo_seconds: float | None = None) -> list[Finding]:
    """Check parts as training will read them, by their rows alone.

    An evaluated frame is one of any part but ``'train'``. It leaks if it looks like a
    frame of the training: if one is near in time. Near is nearer than
    ``embargo_seconds``, of whatever recording, by default than 2.5 median intervals of
    its own recording.

    - ``overlap``: near training frames stand both before and after it. A cut in time
      never gives that, a random split gives little else. It is an error; a warning
      where folds were made on purpose, or where both are over a minute away.
    - ``border``: a near training frame stands on one side. A warning: one frame of a
      border matters little, and an embargo mends it.

    Args:
        parts: Name -> frames in any order; that to train on is named ``'train'``.
        embargo_seconds: How far apart training and evaluated frames shall be.

    Returns:
        The findings, those of one check together; see ``CODES``.
    """
    recordings = tracks(parts)
    return [
        *_empty(parts),
        *_shared_frames(parts),
        *_shared_labels(parts),
        *_missing(parts),
        *_near(parts, _lines(parts, embargo_seconds), embargo_seconds),
        *_mixed(parts, recordings),
        *_odd_times(parts),
        *_shares(parts),
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
    """Frames of one path, or of one moment of a recording, in two parts."""
    keys = {
        part: (
            {os.path.normpath(frame.image) for frame in frames},
            {(frame.recording, frame.timestamp) for frame in frames},
        )
        for part, frames in parts.items()
    }
    for first, second in combinations(parts, 2):
        paths, moments = (a & b for a, b in zip(keys[first], keys[second], strict=True))
        shared = [
            frame
            for frame in parts[second]
            if (frame.recording, frame.timestamp) in moments
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
    for label, of in images.items():
        if len(of) > 1:
            text = f"{label} is the label of {len(of)} frames"
            yield Finding("error", "shared_label", text, tuple(sorted(of)))


def _missing(parts: Parts) -> Iterator[Finding]:
    if missing := tuple(dict.fromkeys(missing_files(_all(parts)))):
        text = counted(len(missing), "missing file")
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
        yield from _leaks(part, len(parts[part]), reach, enclosed, beside, close)


def _lines(parts: Parts, embargo: float | None) -> list[Track]:
    """Recordings, or one line of all: an embargo holds whatever camera it is."""
    if embargo is None:
        return tracks(parts)
    return tracks(
        {part: [replace(f, recording="") for f in of] for part, of in parts.items()}
    )


def _mixed(parts: Parts, recordings: list[Track]) -> Iterator[Finding]:
    """Test frames between near val frames, by which the best weights are chosen."""
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
    """The part's M frames; (M,) seconds to the other's frames before and after."""
    here = np.flatnonzero(track.parts == part)
    training = track.times[track.parts == other].astype(np.float64)
    training = np.concatenate([[-np.inf], training, [np.inf]])
    times = track.times[here]
    after = np.searchsorted(training, times)
    before = times - training[after - 1], training[after] - times
    return [track.frames[i] for i in here], before[0] / SECOND, before[1] / SECOND


def _leaks(
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
            f"away on either side; their scores tell little of other frames. Cut the "
            f"parts in time (tools/split_dataset.py)"
        )
        yield Finding(level, "overlap", text, _images(enclosed))
    if beside:
        text = (
            f"{len(beside)} {where} less than {reach:.3g} s from a train frame; "
            f"leave an embargo at the border"
        )
        yield Finding("warning", "border", text, _images(beside))


def _odd_times(parts: Parts) -> Iterator[Finding]:
    now = time.time_ns()
    frames = _all(parts)
    for when, odd in (
        (
            "before 2000, as frame numbers give them",
            [f.timestamp < YEAR_2000 for f in frames],
        ),
        ("in the future", [f.timestamp > now for f in frames]),
    ):
        if any(odd):
            chosen = [
                frame for frame, is_odd in zip(frames, odd, strict=True) if is_odd
            ]
            text = f"{counted(len(chosen), 'time stamp')} {when}"
            yield Finding("warning", "odd_time", text, _images(chosen))


def mean_shares(parts: Parts) -> dict[str, float]:
    """Part -> mean share of splash over the frames where it is known."""
    known = {
        part: [f.splash_share for f in frames if f.splash_share is not None]
        for part, frames in parts.items()
    }
    return {part: sum(known[part]) / len(known[part]) for part in known if known[part]}


def _shares(parts: Parts) -> Iterator[Finding]:
    shares = mean_shares(parts)
    for part in (part for part, share in shares.items() if share == 0):
        text = f"no frame of {part} holds splash: nothing to learn, no Dice to measure"
        yield Finding("error", "no_splash", text)
    listed = [(share, part) for part, share in shares.items() if share > 0]
    if listed and max(listed)[0] > DRIFT * min(listed)[0]:
        (low, least), (high, most) = min(listed), max(listed)
        text = f"splash is {high:.2%} of {most}, but {low:.2%} of {least}"
        yield Finding("warning", "share_drift", text)


def _unlabelled(parts: Parts) -> Iterator[Finding]:
    for part, frames in parts.items():
        if without := [frame for frame in frames if not frame.label]:
            text = f"{len(without)} of {len(frames)} frames of {part} without a label"
            yield Finding("note", "unlabelled", text, _images(without))


def _gaps(recordings: list[Track]) -> Iterator[Finding]:
    for track in recordings:
        if found := gaps(track):
            longest = sorted(found, key=lambda gap: gap.start - gap.end)[:NAMED_GAPS]
            pauses = counted(len(found), "pause")
            text = (
                f"{pauses} of recording {track.recording!r}, which has a frame every "
                f"{track.interval:.3g} s, such as " + ", ".join(map(_describe, longest))
            )
            yield Finding("note", "gap", text)


def _describe(gap: Gap) -> str:
    start, end = (f"{utc(t):%Y-%m-%d %H:%M:%S}" for t in (gap.start, gap.end))
    return f"{start} to {end} UTC"

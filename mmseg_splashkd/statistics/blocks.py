"""Blocks of frames, the unit of resampling: neighbours in time, or photos."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from mmseg_splashkd.datasets.duration import FramesOrSeconds

SECOND = 10**9  # nanoseconds
FEWEST = 5  # blocks required to estimate a variance
Unit = Literal["time", "order", "frame", "recording"]


@dataclass(frozen=True)
class BlockLength(FramesOrSeconds):
    """Length of a block, in frames of one camera or in seconds.

    Args:
        frames: Number of frames of one camera, above 0; 0 if ``seconds`` is given.
        seconds: Time in seconds, above 0; needs frames with time stamps.

    Raises:
        ValueError: Both are given or none, or a value is negative or not finite.
    """

    argument: ClassVar[str] = "block"

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.frames) == bool(self.seconds):
            raise ValueError(
                f"block of {self.frames} frames and {self.seconds} seconds: give one "
                f"of the two, above 0"
            )


@dataclass(frozen=True, eq=False)
class Blocks:
    """Assignment of N frames to blocks.

    Args:
        index: (N,) int, the block of each frame, numbered in the order of time, without
            time in the order of the frames or of the names of recordings.
        length: Nominal length of a block; None where a block is a recording.
        automatic: Whether the length follows from the default rule.
        unit: What a block is: neighbours in ``time``; neighbours in the ``order`` given
            (frames without time, and a length that was asked for); a single ``frame``
            or a whole ``recording`` without time.
    """

    index: np.ndarray
    length: BlockLength | None
    automatic: bool
    unit: Unit = "time"

    def __len__(self) -> int:
        return int(self.index.max()) + 1

    def sums(self, counts: np.ndarray) -> np.ndarray:
        """Sum the counts of each block.

        Args:
            counts: (J, N, ...) counts of J runs on N frames.

        Returns:
            (J, Q, ...) counts of the Q blocks.
        """
        order = np.argsort(self.index, kind="stable")
        starts = np.searchsorted(self.index[order], np.arange(len(self)))
        return np.add.reduceat(counts[:, order], starts, axis=1)


def cut_blocks(
    recordings: Sequence[str],
    timestamps: np.ndarray,
    length: BlockLength | None = None,
) -> Blocks:
    """Divide frames into blocks of nearly equal length.

    By default a block is 1.3 sqrt(N) frames long, the truncation rule of Lazarus,
    Lewis, Stock and Watson, "HAR Inference: Recommendations for Practice", JBES 36(4),
    2018: long enough that neighbouring blocks are nearly independent, which costs some
    power and keeps the false positive rate. 60 frames give 6 blocks of 10.

    No block holds frames of two recordings, unless they overlap in time: these may show
    the same event and are divided at the same times.

    Without time stamps (photos) the rule does not apply: each recording (folder) is one
    block, or each frame if there are fewer than ``FEWEST`` recordings. Where only some
    frames have a time stamp, each recording is one block.

    Args:
        recordings: N names of recordings.
        timestamps: (N,) UNIX time in nanoseconds, or -1 where unknown: then a block of
            given length holds frames of a recording in the order given.
        length: Length of a block; default: 1.3 sqrt(N) frames.

    Raises:
        ValueError: The length is in seconds and a frame has no time stamp.
    """
    timed = bool(len(timestamps)) and bool((timestamps >= 0).all())
    if length is not None and length.seconds and not timed:
        raise ValueError(
            f"block of {length}: not all frames have a time stamp; give it in frames"
        )
    if length is None and len(timestamps) and not timed:
        return _without_time(recordings, timestamps)
    tracks = list(_tracks(recordings, timestamps, timed))
    chosen = length or BlockLength(
        frames=1.3
        * math.sqrt(sum(len(track.frames) / track.cameras for track in tracks))
    )
    index = np.empty(len(timestamps), np.int64)
    first = 0
    for track in tracks:
        of_track = track.cut(chosen, timestamps)
        index[track.frames] = first + of_track
        first += of_track[-1] + 1
    return Blocks(index, chosen, length is None, "time" if timed else "order")


def _without_time(recordings: Sequence[str], timestamps: np.ndarray) -> Blocks:
    """One block per recording, or per frame of too few recordings without any time."""
    names = np.asarray(recordings)
    known = timestamps >= 0
    if not known.any() and len(np.unique(names)) < FEWEST:
        each = np.arange(len(names))
        return Blocks(each, BlockLength(frames=1), automatic=True, unit="frame")
    labels = names.astype(object)
    # Recordings that overlap in time may show the same event: they are one block.
    timed = np.flatnonzero(known & ~np.isin(names, names[~known]))
    for track in _tracks(names[timed].tolist(), timestamps[timed], timed=True):
        frames = timed[track.frames]
        labels[frames] = min(labels[frames])
    index = np.unique(labels.astype(str), return_inverse=True)[1]
    return Blocks(index, None, automatic=True, unit="recording")


@dataclass(frozen=True, eq=False)
class _Track:
    """Frames of one recording, or of several that overlap, in the order of time.

    Args:
        frames: Indices of the frames.
        cameras: Mean number of simultaneous recordings.
    """

    frames: np.ndarray
    cameras: float

    def cut(self, length: BlockLength, timestamps: np.ndarray) -> np.ndarray:
        """Block of each frame, numbered from 0 without gaps."""
        count = len(self.frames)
        if not length.seconds:
            blocks = max(1, round(count / (length.frames * self.cameras)))
            return np.arange(count) * min(blocks, count) // count
        elapsed = timestamps[self.frames] - timestamps[self.frames[0]]
        window = elapsed // round(length.seconds * SECOND)
        return np.unique(window, return_inverse=True)[1]


def _tracks(
    recordings: Sequence[str], timestamps: np.ndarray, timed: bool
) -> Iterator[_Track]:
    names, of_frame = np.unique(np.asarray(recordings), return_inverse=True)
    members = [np.flatnonzero(of_frame == name) for name in range(len(names))]
    if not timed:
        members.sort(key=lambda frames: int(frames[0]))
        yield from (_Track(frames, 1.0) for frames in members)
        return
    spans = sorted(
        (int(timestamps[frames].min()), int(timestamps[frames].max()), name)
        for name, frames in enumerate(members)
    )
    together: list[tuple[int, int, int]] = []
    for span in spans:
        if together and span[0] > max(end for _, end, _ in together):
            yield _join(together, members, timestamps)
            together = []
        together.append(span)
    if together:
        yield _join(together, members, timestamps)


def _join(
    spans: Sequence[tuple[int, int, int]],
    members: Sequence[np.ndarray],
    timestamps: np.ndarray,
) -> _Track:
    frames = np.concatenate([members[name] for _, _, name in spans])
    whole = max(end for _, end, _ in spans) - spans[0][0]
    each = sum(end - begin for begin, end, _ in spans)
    order = np.argsort(timestamps[frames], kind="stable")
    return _Track(frames[order], each / whole if whole else float(len(spans)))

"""Blocks of frames that are neighbours in time, the unit of resampling."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

SECOND = 10**9  # nanoseconds
FEWEST = 5  # blocks; with fewer no variance is estimated


@dataclass(frozen=True)
class BlockLength:
    """Length of a block, in exactly one of two units.

    Args:
        frames: Number of frames of one camera, above 0.
        seconds: Duration in seconds, above 0; needs frames with time stamps.

    Raises:
        ValueError: None or both are given, or the value is not above 0.
    """

    frames: float = 0.0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        given = [value for value in (self.frames, self.seconds) if value]
        if len(given) != 1 or not (given[0] > 0 and math.isfinite(given[0])):
            raise ValueError(
                f"block of {self.frames} frames and {self.seconds} seconds: give one "
                f"of the two, above 0"
            )

    @classmethod
    def parse(cls, text: str) -> "BlockLength":
        """Read ``'10'`` (frames) or ``'30s'`` (seconds).

        Raises:
            ValueError: It is neither, or 0.
        """
        if re.fullmatch(r"\d+", text, re.ASCII):
            return cls(frames=int(text))
        if re.fullmatch(r"\d+(\.\d+)?s", text, re.ASCII):
            return cls(seconds=float(text[:-1]))
        raise ValueError(f"block {text!r} is neither frames (10) nor seconds (30s)")

    def __str__(self) -> str:
        if self.seconds:
            return f"{self.seconds:g} s"
        return f"{self.frames:.3g} frames"


@dataclass(frozen=True, eq=False)
class Blocks:
    """Assignment of N frames to blocks.

    Args:
        index: (N,) int, the block of each frame, numbered in the order of time.
        length: Nominal length of a block.
        automatic: Whether the length is that of the default rule.
    """

    index: np.ndarray
    length: BlockLength
    automatic: bool

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
    the same splash and are divided at the same times.

    Args:
        recordings: N names of recordings.
        timestamps: (N,) UNIX time in nanoseconds, or -1 where unknown: then the frames
            of a recording are in the order given.
        length: Length of a block; by default that of the rule.

    Raises:
        ValueError: The length is in seconds and a frame has no time stamp.
    """
    timed = bool(len(timestamps)) and bool((timestamps >= 0).all())
    if length is not None and length.seconds and not timed:
        raise ValueError(
            f"block of {length}: not all frames have a time stamp; give it in frames"
        )
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
    return Blocks(index, chosen, automatic=length is None)


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

"""Frames cut into blocks of neighbours in time, which are drawn as wholes."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mmseg_splashkd.datasets.duration import FramesOrSeconds

SECOND = 10**9  # nanoseconds
FEWEST = 5  # blocks from which a spread is judged at all


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
    """N frames in blocks.

    Args:
        index: (N,) int, the block of each frame; in the order of time.
        length: How long a block was to be.
        automatic: Whether the length is that of the rule.
    """

    index: np.ndarray
    length: BlockLength
    automatic: bool

    def __len__(self) -> int:
        return int(self.index.max()) + 1

    def sums(self, counts: np.ndarray) -> np.ndarray:
        """Add up the counts of each block.

        Args:
            counts: (J, N, ...) of J runs.

        Returns:
            (J, Q, ...) of the Q blocks.
        """
        order = np.argsort(self.index, kind="stable")
        starts = np.searchsorted(self.index[order], np.arange(len(self)))
        return np.add.reduceat(counts[:, order], starts, axis=1)


def cut_blocks(
    recordings: Sequence[str],
    timestamps: np.ndarray,
    length: BlockLength | None = None,
) -> Blocks:
    """Cut frames into blocks of one length, as even as it divides a recording.

    By default a block is 1.3 sqrt(N) frames long, the rule of Lazarus, Lewis, Stock and
    Watson, "HAR Inference: Recommendations for Practice", JBES 36(4), 2018, for how far
    correlation in time is followed: long enough that one block knows little of the
    next, which costs some power and keeps the rate of false claims. At 60 frames it
    gives 6 blocks of 10.

    No block holds frames of two recordings, unless they overlap in time: then they may
    show the same splash, and are cut at the same moments.

    Args:
        recordings: N names.
        timestamps: (N,) nanoseconds, or -1 where unknown: then frames of a recording
            lie in the order given.
        length: Of a block.

    Raises:
        ValueError: The length is in seconds, and not all frames have a time.
    """
    timed = bool(len(timestamps)) and bool((timestamps >= 0).all())
    if length is not None and length.seconds and not timed:
        raise ValueError(
            f"block of {length}: not all frames have a time stamp; give it in frames"
        )
    lines = list(_lines(recordings, timestamps, timed))
    chosen = length or BlockLength(
        frames=1.3 * math.sqrt(sum(len(line.frames) / line.cameras for line in lines))
    )
    index = np.empty(len(timestamps), np.int64)
    first = 0
    for line in lines:
        of_line = line.cut(chosen, timestamps)
        index[line.frames] = first + of_line
        first += of_line[-1] + 1
    return Blocks(index, chosen, automatic=length is None)


@dataclass(frozen=True, eq=False)
class _Line:
    """Frames of one recording, or of several that overlap, in the order of time.

    Args:
        frames: Their indices.
        cameras: How many recordings there are at a moment, in the mean.
    """

    frames: np.ndarray
    cameras: float

    def cut(self, length: BlockLength, timestamps: np.ndarray) -> np.ndarray:
        """The block of each frame of the line, from 0, without gaps."""
        count = len(self.frames)
        if not length.seconds:
            blocks = max(1, round(count / (length.frames * self.cameras)))
            return np.arange(count) * min(blocks, count) // count
        elapsed = timestamps[self.frames] - timestamps[self.frames[0]]
        window = elapsed // round(length.seconds * SECOND)
        return np.unique(window, return_inverse=True)[1]


def _lines(
    recordings: Sequence[str], timestamps: np.ndarray, timed: bool
) -> Iterator[_Line]:
    names, of_frame = np.unique(np.asarray(recordings), return_inverse=True)
    members = [np.flatnonzero(of_frame == name) for name in range(len(names))]
    if not timed:
        members.sort(key=lambda frames: int(frames[0]))
        yield from (_Line(frames, 1.0) for frames in members)
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
) -> _Line:
    frames = np.concatenate([members[name] for _, _, name in spans])
    whole = max(end for _, end, _ in spans) - spans[0][0]
    each = sum(end - begin for begin, end, _ in spans)
    order = np.argsort(timestamps[frames], kind="stable")
    return _Line(frames[order], each / whole if whole else float(len(spans)))

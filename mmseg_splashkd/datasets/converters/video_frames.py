"""Decoding of videos: frames in order, damaged frames, and single frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmseg_splashkd.datasets.converters.layout import import_extra

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer


@contextmanager
def open_video(path: Path) -> Iterator[InputContainer]:
    """Open a video.

    Raises:
        ValueError: The file cannot be read, or has no video stream.
    """
    av = import_extra("av", "videos")
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise ValueError(f"video {path} cannot be opened: {error}") from error
    with container:
        if not container.streams.video:
            kinds = sorted({stream.type for stream in container.streams})
            raise ValueError(f"{path} has no video stream; it has {kinds or 'none'}")
        yield container


def decode(path: Path) -> Iterator[VideoFrame | str]:
    """Decode the first video stream.

    Yields:
        Frames in presentation order; a description in place of each damaged frame.

    Raises:
        ValueError: The file cannot be opened, or has no video stream.
    """
    av = import_extra("av", "videos")
    with open_video(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        try:
            for packet in container.demux(stream):
                yield from _decode_packet(packet)
        except av.FFmpegError as error:
            yield f"the rest of the file cannot be read ({error})"


def _decode_packet(packet: Packet) -> Iterator[VideoFrame | str]:
    av = import_extra("av", "videos")
    try:
        frames = packet.decode()
    except av.FFmpegError as error:
        yield f"a frame cannot be decoded ({error})"
        return
    for frame in frames:
        yield "a frame is damaged" if frame.is_corrupt else frame


def elapsed(frame: VideoFrame) -> Fraction | None:
    """Exact presentation time in seconds; None if the frame has none."""
    if frame.pts is None or frame.time_base is None:
        return None
    return frame.pts * Fraction(frame.time_base)


class VideoFrameReader:
    """Reads single frames of videos.

    The video stays open between calls. Reading frames in presentation order decodes it
    only once; reading an earlier frame starts again. No frame is kept.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._last = Fraction(-1)
        self._frames: Iterator[VideoFrame | str] = iter(())

    def read(self, path: Path, time: Fraction) -> np.ndarray:
        """Read one frame.

        Args:
            path: The video.
            time: Exact presentation time in seconds.

        Returns:
            (H, W, 3) uint8 RGB with the video's rotation applied.

        Raises:
            ValueError: There is no such frame, or its rotation is not a multiple of 90
                degrees.
        """
        if path != self._path or time <= self._last:
            self._path, self._frames = path, decode(path)
        self._last = time
        for frame in self._frames:
            if not isinstance(frame, str) and elapsed(frame) == time:
                return _upright(frame, path)
        raise ValueError(
            f"{path} has no frame at {float(time):.3f} s anymore: the file changed"
        )


def _upright(frame: VideoFrame, path: Path) -> np.ndarray:
    quarters, rest = divmod(frame.rotation, 90)  # counterclockwise
    if rest:
        raise ValueError(
            f"{path} has a rotation of {frame.rotation} degrees, not a multiple of 90"
        )
    return np.ascontiguousarray(
        np.rot90(frame.to_ndarray(format="rgb24"), int(quarters))
    )

"""Decoding of videos: frames in order, damaged frames, and single frames.

What a file says about how its frames are shown is applied (stream, pixel aspect,
rotation, flip), or refused where the user has to choose (fields, high dynamic range).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmseg_splashkd.extras import import_extra
from mmseg_splashkd.files import check_regular
from mmseg_splashkd.foreign import reading
from mmseg_splashkd.limits import PIXELS

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

UNIT = 65536  # 1 in the 16.16 fixed-point numbers of a display matrix
# Formats whose file holds its frames. Others, such as playlists (HLS), lists of files
# (concat) and descriptions of streams (SDP), name files or addresses to read, which a
# file from elsewhere must not choose.
CONTAINERS = (
    *("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpegts"),
    *("mpeg", "mpegvideo", "m4v", "h261", "h263", "h264", "hevc", "vvc", "av1", "obu"),
    *("ivf", "flv", "live_flv", "asf", "asf_o", "ogg", "mxf", "mxg", "nut", "nuv"),
    *("rm", "dhav", "dv", "vc1", "vc1test", "wtv", "nsv", "amv", "swf", "ty", "pva"),
    *("mjpeg", "mjpeg_2000", "mpjpeg", "yuv4mpegpipe", "gif", "apng", "cavsvideo"),
)
HDR = {16: "PQ", 18: "HLG"}  # transfer characteristics of ITU-T H.273


@contextmanager
def open_video(path: Path) -> Iterator[InputContainer]:
    """Open a video.

    Args:
        path: The file.

    Raises:
        ValueError: The file cannot be read, is none of ``CONTAINERS``, has no video
            stream, or its frames have more pixels than the limit.
    """
    av = import_extra("av", "videos")
    only = {"format_whitelist": ",".join(CONTAINERS), "protocol_whitelist": "file"}
    try:
        check_regular(path)
        # Cameras write text in encodings of their own.
        container = av.open(str(path), options=only, metadata_errors="replace")
    except av.ArgumentError as error:
        raise ValueError(
            f"video {path} cannot be opened: it is no file that holds a video itself, "
            f"such as .mp4 or .mkv, but of another kind, such as a picture or a list "
            f"of other files ({error})"
        ) from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ValueError(f"video {path} cannot be opened: {error}") from error
    with checked_video(container, path):
        yield container


@contextmanager
def checked_video(container: InputContainer, path: Path | str) -> Iterator[None]:
    """Check what was opened, limit the size of its frames, and close it.

    Args:
        container: A container that is open.
        path: The file or the address, for errors.

    Raises:
        ValueError: It has no video stream, or its frames have more pixels than the
            limit.
    """
    with reading(path, "video"), container:
        if not _videos(container):
            kinds = sorted({stream.type for stream in container.streams})
            raise ValueError(f"{path} has no video stream; it has {kinds or 'none'}")
        for stream in container.streams.video:
            # As shown: pixels that are not square are stretched.
            width = max(stream.width, round(stream.width * _aspect(stream)))
            PIXELS.check(width * stream.height, f"a frame of {path}")
            # Frames within a stream may be larger than its header says.
            stream.codec_context.options = {"max_pixels": str(PIXELS.value)}
        yield


def video_stream(container: InputContainer) -> VideoStream:
    """The video of a container: not its thumbnail; the default and largest of several.

    Args:
        container: A container of ``open_video``.
    """
    from av.stream import Disposition

    def rank(stream: VideoStream) -> tuple[bool, bool, int]:
        default = bool(stream.disposition & Disposition.default)
        return stream.frames != 1, default, stream.width * stream.height

    return max(_videos(container), key=rank)


def _videos(container: InputContainer) -> list[VideoStream]:
    """Video streams that are no pictures, which players show beside the title."""
    from av.stream import Disposition

    pictures = Disposition.attached_pic | Disposition.timed_thumbnails
    return [s for s in container.streams.video if not s.disposition & pictures]


def decode(path: Path) -> Iterator[VideoFrame | str]:
    """Decode the video stream; see ``video_stream``.

    Yields:
        Frames in presentation order; a description in place of each damaged frame.

    Raises:
        ValueError: The file cannot be opened, or has no video stream.
    """
    av = import_extra("av", "videos")
    with open_video(path) as container:
        try:
            yield from decode_container(container)
        except av.FFmpegError as error:
            yield f"the rest of the file cannot be read ({error})"


def decode_container(
    container: InputContainer, threads: str = "AUTO"
) -> Iterator[VideoFrame | str]:
    """As ``decode``, of a container that is open.

    Args:
        container: A container of ``open_video`` or ``checked_video``.
        threads: ``'AUTO'`` decodes several frames at once where the codec can, which
            delays each by some frames; ``'SLICE'`` does not.

    Raises:
        FFmpegError: The rest cannot be read.
    """
    stream = video_stream(container)
    stream.thread_type = threads
    for packet in container.demux(stream):
        yield from _decode_packet(packet)


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


def check_shown(frame: VideoFrame, path: Path | str) -> None:
    """Refuse a frame that cannot be shown as it is decoded.

    Raises:
        ValueError: It is interlaced, of high dynamic range, or turned by an angle that
            is not a multiple of 90 degrees.
    """
    remedy = "ffmpeg -i {0} -vf {1} -c:v libx264 -crf 10 converted.mp4"
    if frame.interlaced_frame:
        raise ValueError(
            f"{path} is interlaced: each frame holds two moments. Convert it first, "
            f"such as by {remedy.format(path, 'bwdif')}"
        )
    if (transfer := HDR.get(int(frame.color_trc or 0))) is not None:
        raise ValueError(
            f"{path} is of high dynamic range ({transfer}), which 8 bits cannot hold: "
            f"map it to a standard range first, such as by "
            f"{remedy.format(path, 'zscale=t=linear,tonemap=hable,zscale=t=bt709')}"
        )
    _display_matrix(frame, path)


def pixel_aspect(container: InputContainer) -> Fraction:
    """Width of a pixel over its height.

    Args:
        container: A container of ``open_video`` or ``checked_video``.
    """
    return _aspect(video_stream(container))


def _aspect(stream: VideoStream) -> Fraction:
    return Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)


class VideoFrameReader:
    """Reads single frames of videos.

    The video stays open between calls. Reading frames in presentation order decodes it
    only once; reading an earlier frame starts again. No frame is kept.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._aspect = Fraction(1)
        self._last = Fraction(-1)
        self._frames: Iterator[VideoFrame | str] = iter(())

    def read(self, path: Path, time: Fraction) -> np.ndarray:
        """Read one frame.

        Args:
            path: The video.
            time: Exact presentation time in seconds.

        Returns:
            (H, W, 3) uint8 RGB with square pixels, and with the video's rotation and
            flip applied.

        Raises:
            ValueError: There is no such frame.
        """
        if path != self._path:
            with open_video(path) as container:
                self._aspect = pixel_aspect(container)
        if path != self._path or time <= self._last:
            self._path, self._frames = path, decode(path)
        self._last = time
        for frame in self._frames:
            if not isinstance(frame, str) and elapsed(frame) == time:
                return shown(frame, self._aspect, path)
        raise ValueError(
            f"{path} has no frame at {float(time):.3f} s anymore: the file changed"
        )


def shown(frame: VideoFrame, aspect: Fraction, path: Path | str) -> np.ndarray:
    """A frame as a player shows it.

    Args:
        frame: A decoded frame.
        aspect: Width of a pixel over its height, see ``pixel_aspect``.
        path: The file or the address, for errors.

    Returns:
        (H, W, 3) uint8 RGB with square pixels, rotation and flip applied.

    Raises:
        ValueError: It is turned by an angle that is not a multiple of 90 degrees, or
            has more pixels than the limit.
    """
    width = round(frame.width * aspect)
    PIXELS.check(width * frame.height, f"a frame of {path}")
    rgb = frame.reformat(width=width, format="rgb24").to_ndarray()
    a, b, c, d = _display_matrix(frame, path)
    if not a:  # x and y are exchanged
        rgb, a, d = rgb.swapaxes(0, 1), c, b
    return np.ascontiguousarray(rgb[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def _display_matrix(frame: VideoFrame, path: Path | str) -> tuple[int, int, int, int]:
    """a, b, c, d in {-1, 0, 1}: pixel (x, y) is shown at (ax + cy, bx + dy).

    Raises:
        ValueError: The frame is turned by another angle, sheared or scaled.
    """
    found = frame.side_data.get("DISPLAYMATRIX")
    if found is None:
        return 1, 0, 0, 1
    entries = np.frombuffer(bytes(found), np.int32)[[0, 1, 3, 4]] / UNIT
    a, b, c, d = (int(value) for value in entries)
    if [*np.abs(entries)] not in ([1, 0, 0, 1], [0, 1, 1, 0]):
        raise ValueError(
            f"{path} has a rotation of {frame.rotation} degrees, which is not a "
            f"multiple of 90, or is scaled: apply it first, such as by "
            f"ffmpeg -i {path} -c:v libx264 -crf 10 converted.mp4"
        )
    return a, b, c, d

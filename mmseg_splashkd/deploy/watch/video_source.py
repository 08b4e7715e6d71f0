"""Frames of a video file, by their presentation times."""

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.datasets.video_frames import (
    check_shown,
    decode,
    elapsed,
    open_video,
    pixel_aspect,
    shown,
)
from mmseg_splashkd.datasets.video_header import moment_of, read_header
from mmseg_splashkd.deploy.watch.source import DAMAGED, TIMELESS, Moment, Problem
from mmseg_splashkd.evaluation.events.table import format_utc

HEAD = 2**20  # bytes that identify a file, with its size


class VideoSource:
    """A video; see ``Source``.

    Args:
        path: The file.
        start: Time of the first frame: UNIX seconds, or an ISO 8601 date and time (UTC
            if it has no zone). None: ``creation_time`` of the file; where it has none,
            times are counted from its beginning.

    Raises:
        ImportError: PyAV is not installed.
        ValueError: The file is no video, or ``start`` is no time.
    """

    def __init__(self, path: Path, start: str | None = None) -> None:
        self._path = path
        self._header = read_header(path)
        self.count = self._header.count
        told = self._header.created if start is None else start
        self._start = 0 if told is None else moment_of(told, path)
        self.about = _about(path, start, self._header.created)
        self.identity = {
            "size of the video": f"{path.stat().st_size} bytes",
            "beginning of the video": hash_of_head(path),
            "--start": "none" if told is None else format_utc(self._start),
        }

    def moments(self) -> Iterator[Moment | Problem]:
        """Frames in presentation order; see ``Source``.

        Raises:
            ValueError: Its first frame is interlaced, of high dynamic range or turned
                by an odd angle: the message says how to convert the video.
        """
        with open_video(self._path) as container:
            aspect = pixel_aspect(container)
        last, longest, is_first = self._header.first, Fraction(1), True
        for frame in decode(self._path):
            if isinstance(frame, str):
                yield Problem(DAMAGED, f"{self._path}: {frame}")
                continue
            if is_first:
                check_shown(frame, self._path)
                is_first = False
            time = elapsed(frame)
            if time is None:
                yield Problem(TIMELESS, f"{self._path}: a frame has no time")
                continue
            last, longest = max(last, time), max(longest, time - last)
            since = round((time - self._header.first) * SECOND)
            read = partial(shown, frame, aspect, self._path)
            name = f"{self._path} at {since / SECOND:.3f} s"
            yield Moment(self._start + since, name, read)
        end = self._header.end
        if end is not None and last + longest < end:
            yield Problem(
                DAMAGED,
                f"{self._path} ends at {float(last):.3f} s, and should last until "
                f"{float(end):.3f} s",
            )


def _about(path: Path, start: str | None, created: str | None) -> str:
    if start is not None:
        return ""
    if created is None:
        return f"{path} has no creation_time: times are since its beginning (--start)"
    return f"Times begin at the creation_time of {path}, {created} (--start)"


def hash_of_head(path: Path) -> str:
    """SHA-256 of the first MiB of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.sha256(file.read(HEAD)).hexdigest()

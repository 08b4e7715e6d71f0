"""A video that ends with an error where it has more than a server takes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.datasets.video_header import VideoHeader, read_header
from mmseg_splashkd.deploy.serve.bounds import Bounds
from mmseg_splashkd.deploy.serve.refusal import TOO_MUCH, GoneError, RefusedError
from mmseg_splashkd.deploy.watch.source import Moment, Problem
from mmseg_splashkd.deploy.watch.video_source import VideoSource


@dataclass(frozen=True)
class BoundedSource:
    """A video; see ``Source``.

    Headers may be wrong: seconds and frames are counted again while it is decoded.

    Args:
        source: The video.
        bounds: Its limits.
        stops: Says whether to stop.
    """

    source: VideoSource
    bounds: Bounds
    stops: Callable[[], bool]

    @property
    def identity(self) -> dict[str, str]:
        """See ``Source``."""
        return self.source.identity

    @property
    def about(self) -> str:
        """See ``Source``."""
        return self.source.about

    @property
    def count(self) -> int | None:
        """See ``Source``."""
        return self.source.count

    def moments(self) -> Iterator[Moment | Problem]:
        """Frames in presentation order; see ``Source``.

        Raises:
            GoneError: It has to stop.
            RefusedError: It has more frames or lasts longer than the limits.
            ValueError: As of ``VideoSource``.
        """
        first = last = None
        for number, item in enumerate(self.source.moments(), 1):
            if self.stops():
                raise GoneError
            check_frames(number, self.bounds)
            if isinstance(item, Moment):
                first = item.time_ns if first is None else min(first, item.time_ns)
                last = item.time_ns if last is None else max(last, item.time_ns)
                check_seconds((last - first) / SECOND, self.bounds)
            yield item


def open_bounded(
    path: Path, start: str | None, bounds: Bounds, stops: Callable[[], bool]
) -> BoundedSource:
    """Open a video, and refuse it by its header where that can be known.

    Args:
        path: The file.
        start: Time of the first frame, see ``VideoSource``.
        bounds: Limits.
        stops: Says whether to stop.

    Raises:
        RefusedError: It has more frames or lasts longer than the limits.
        ValueError: It is no video, or ``start`` is no time.
    """
    header = read_header(path)
    check_frames(header.count or 0, bounds)
    check_seconds(_seconds(header), bounds)
    return BoundedSource(VideoSource(path, start), bounds, stops)


def check_frames(count: int, bounds: Bounds) -> None:
    """Refuse a number of frames beyond the limit."""
    if count > bounds.video_frames:
        raise RefusedError(
            TOO_MUCH,
            f"the video has more frames than the limit of {bounds.video_frames}: send "
            f"a shorter part",
        )


def check_seconds(seconds: float, bounds: Bounds) -> None:
    """Refuse a duration beyond the limit."""
    if seconds > bounds.video_seconds:
        raise RefusedError(
            TOO_MUCH,
            f"the video lasts longer than the limit of {bounds.video_seconds:g} s: "
            f"send a shorter part",
        )


def _seconds(header: VideoHeader) -> float:
    return 0.0 if header.end is None else float(header.end - header.first)

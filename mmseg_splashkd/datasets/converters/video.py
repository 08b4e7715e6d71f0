"""Videos: all frames or a subset, with their presentation times."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import ceil, floor
from pathlib import Path

from mmengine.logging import print_log

from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import index_unique, warn_passed_over
from mmseg_splashkd.datasets.listing import list_pictures
from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.datasets.video_frames import (
    VideoFrameReader,
    check_shown,
    decode,
    elapsed,
)
from mmseg_splashkd.datasets.video_header import moment_of, read_header

SUFFIXES = (
    ".3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ts .webm .wmv"
)
Start = str | float | Mapping[str, str | float] | None


@dataclass(frozen=True)
class Video:
    """Header of a video.

    Args:
        path: The file.
        recording: Name of the recording.
        start: UNIX time of the first frame, in nanoseconds.
        first: Presentation time of the first frame, in seconds.
        end: Presentation time of the end, in seconds; None if unknown.
        count: Number of frames, stored or estimated; None if unknown.
    """

    path: Path
    recording: str
    start: int
    first: Fraction
    end: Fraction | None
    count: int | None


@dataclass(frozen=True)
class Step:
    """Which frames to take.

    Args:
        every: Take every n-th frame, if ``seconds`` is None; at least 1.
        seconds: Take the first frame of each interval of this length, above 0.
    """

    every: int
    seconds: Fraction | None

    def slot(self, index: int, time: Fraction) -> int:
        """Interval of a frame; the first frame of each interval is taken.

        Args:
            index: Number of the frame, from 0.
            time: Seconds since the first frame.
        """
        return index // self.every if self.seconds is None else time // self.seconds


def read_video(
    src: str | Path,
    every: int | None = None,
    seconds_between: float | str | None = None,
    start: Start = None,
    accept_damaged: bool = False,
) -> Iterator[Item]:
    """Read the frames of a video, or of all videos in a folder, without labels.

    The time of a frame is ``start`` plus its presentation time relative to the first
    frame, exact to the nanosecond for variable frame rates too. Each video is decoded
    once while the items are listed, which detects damaged frames, and once more while
    their images are read, which is fastest in order. No frame is kept in memory.

    Args:
        src: A video, or a folder of videos; the name of a recording is the path of its
            video in the folder without the suffix.
        every: Take every n-th frame, at least 1; by default all.
        seconds_between: Take the first frame of each interval of so many seconds
            instead, above 0; a number or a fraction such as ``'1/3'``.
        start: Time of the first frame: UNIX seconds, or an ISO 8601 date and time (UTC
            if it has no zone); for several videos recording -> start. By default
            ``creation_time`` of the file; note that some cameras store local time
            there, or the time at which the recording ended.
        accept_damaged: Skip damaged frames and accept a truncated video, with a log
            message; by default either is an error.

    Yields:
        The frames, video by video in order of their recordings.

    Raises:
        FileNotFoundError: There is no video.
        ImportError: PyAV is not installed.
        ValueError: An argument is invalid; a file cannot be read, has no video stream,
            no start time or no frames; or, while listing, a frame is damaged,
            interlaced, of high dynamic range or turned by an odd angle, or the
            video ends more than a second before the end in its header (transport
            streams have none). The message has the number of frames before the damage
            and the time of the last one.
    """
    step = _step(every, seconds_between)
    videos = _read_headers(Path(src), start)
    reader = VideoFrameReader()
    return (
        item for video in videos for item in _list(video, step, reader, accept_damaged)
    )


def count_frames(
    src: str | Path,
    every: int | None = None,
    seconds_between: float | str | None = None,
) -> int | None:
    """Estimate the number of frames of ``read_video``, for a progress bar.

    Args:
        src: Video file, or a folder of video files.
        every: Keep every N-th frame, N >= 1; see ``read_video``.
        seconds_between: Seconds between kept frames, > 0; see ``read_video``.

    Returns:
        Estimate from the headers alone; None if one lacks the information.

    Raises:
        FileNotFoundError: There is no video.
        ImportError: PyAV is not installed.
        ValueError: An argument is invalid, or a file cannot be read.
    """
    step = _step(every, seconds_between)
    total = 0
    for path, recording in _find(Path(src)):
        video = _read_header(path, recording, 0)
        if step.seconds is not None and video.end is not None:
            total += floor((video.end - video.first) / step.seconds) + 1
        elif step.seconds is None and video.count is not None:
            total += ceil(video.count / step.every)
        else:
            return None
    return total


def _step(every: int | None, seconds_between: float | str | None) -> Step:
    if every is not None and seconds_between is not None:
        raise ValueError("give every= or seconds_between=, not both")
    if every is not None and every < 1:
        raise ValueError(f"every={every} must be 1 or more")
    try:
        seconds = None if seconds_between is None else Fraction(str(seconds_between))
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(
            f"seconds_between={seconds_between!r} is not a number"
        ) from error
    if seconds is not None and seconds <= 0:
        raise ValueError(f"seconds_between={seconds_between!r} must be above 0")
    return Step(every or 1, seconds)


# Headers


def _find(src: Path, warns: bool = False) -> list[tuple[Path, str]]:
    """Path and recording name of each video."""
    if src.is_file():
        return [(src, src.stem)]
    suffixes = SUFFIXES.split()
    paths, passed_over = list_pictures(src, tuple(suffixes))
    if warns:
        warn_passed_over(src, passed_over, f"videos are {SUFFIXES}")
    if not paths:
        what = f"has no video ({SUFFIXES})" if src.is_dir() else "does not exist"
        raise FileNotFoundError(f"{src} {what}")
    found = index_unique(
        ((path.relative_to(src).with_suffix("").as_posix(), path) for path in paths),
        "would be one recording: rename one",
    )
    return [(path, recording) for recording, path in found.items()]


def _read_headers(src: Path, start: Start) -> list[Video]:
    found = _find(src, warns=True)
    names = [recording for _, recording in found]
    if isinstance(start, Mapping):
        if unused := sorted(start.keys() - set(names)):
            raise ValueError(f"start= has {unused}; the recordings are {names}")
    elif start is not None and len(found) > 1:
        raise ValueError(
            f"one start= for {len(found)} videos: give one for each of {names}"
        )
    starts = start if isinstance(start, Mapping) else dict.fromkeys(names, start)
    return [_read_header(path, name, starts.get(name)) for path, name in found]


def _read_header(path: Path, recording: str, start: str | float | None) -> Video:
    header = read_header(path)
    created = header.created if start is None else start
    if created is None:
        raise ValueError(f"{path} has no creation_time: set start=")
    when = moment_of(created, path)
    return Video(path, recording, when, header.first, header.end, header.count)


# Frames


def _list(
    video: Video, step: Step, reader: VideoFrameReader, accept_damaged: bool
) -> Iterator[Item]:
    last, slot, count, damages = None, None, 0, []
    for time in _times(video):
        if isinstance(time, str):
            damages.append(_describe(video, time, count, last))
            if not accept_damaged:
                raise ValueError(f"{damages[0]}. accept_damaged=True skips it")
            continue
        last, before = time, slot
        slot = step.slot(count, time - video.first)
        count += 1
        if slot != before:
            when = video.start + round((time - video.first) * SECOND)
            picture = partial(reader.read, video.path, time)
            yield Item(video.recording, when, picture, None)
    if count == 0:
        raise ValueError(f"{video.path} has no frame that can be decoded")
    if damages:
        print_log(f"{damages[0]}; {len(damages)} such places are skipped")


def _times(video: Video) -> Iterable[Fraction | str]:
    """Presentation time of each frame; for a damaged one, a description instead."""
    last = end = None
    longest = Fraction(1)  # longest frame duration so far, at least one second
    for frame in decode(video.path):
        if not isinstance(frame, str):
            check_shown(frame, video.path)
        time = frame if isinstance(frame, str) else elapsed(frame)
        if time is None:
            time = "a frame has no time"
        elif not isinstance(time, str) and last is not None and time <= last:
            time = f"the time goes back to {float(time):.3f} s"
        if not isinstance(time, str):
            longest = longest if last is None else max(longest, time - last)
            last = time
        yield time
    end = video.end
    if last is not None and end is not None and last + longest < end:
        yield f"the video ends, but should last until {float(end):.3f} s"


def _describe(video: Video, what: str, count: int, last: Fraction | None) -> str:
    when = "at the start" if last is None else f"the last at {float(last):.3f} s"
    return f"{video.path}: after {count} frames, {when}, {what}"

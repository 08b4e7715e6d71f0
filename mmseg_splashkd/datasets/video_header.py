"""What the header of a video says of its times."""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from mmseg_splashkd.datasets.timestamps import TimestampFormat, parse_timestamp
from mmseg_splashkd.datasets.video_frames import open_video, video_stream


@dataclass(frozen=True)
class VideoHeader:
    """Times of a video stream, as its file tells them.

    Attributes:
        first: Presentation time of the first frame, in seconds.
        end: Presentation time of the end, in seconds; None if unknown.
        count: Number of frames, stored or estimated; None if unknown.
        created: ``creation_time`` as it is written there; None if there is none.
    """

    first: Fraction
    end: Fraction | None
    count: int | None
    created: str | None


def read_header(path: Path) -> VideoHeader:
    """Read the header of a video.

    Args:
        path: The file.

    Raises:
        ImportError: PyAV is not installed.
        ValueError: The file cannot be read, or has no video stream.
    """
    with open_video(path) as container:
        stream = video_stream(container)
        base, first = Fraction(stream.time_base or 0), stream.start_time or 0
        end = _end(stream)
        rate, count = stream.average_rate, stream.frames or None
        if count is None and end is not None and rate:
            count = round((end - first * base) * rate)
        created = container.metadata.get("creation_time")
        created = created or stream.metadata.get("creation_time")
    return VideoHeader(first * base, end, count, created)


def moment_of(text: str | float, source: object) -> int:
    """UNIX time in nanoseconds of what a person or a header wrote.

    Args:
        text: UNIX seconds, or an ISO 8601 date and time (UTC if it has no zone).
        source: File or argument, for the error.

    Raises:
        ValueError: It is neither.
    """
    text = str(text).strip()
    if re.search("[T:_ ]", text):
        return TimestampFormat("iso8601").parse(text, source).timestamp
    return parse_timestamp(text, source)


def _end(stream: Any) -> Fraction | None:
    if stream.duration:
        return (stream.duration + (stream.start_time or 0)) * Fraction(stream.time_base)
    # Matroska's tag of the stream; the duration of the file may be that of the audio.
    tag = re.fullmatch(r"(\d+):(\d+):([\d.]+)", stream.metadata.get("DURATION", ""))
    if tag is None:
        return None
    return int(tag[1]) * 3600 + int(tag[2]) * 60 + Fraction(tag[3])

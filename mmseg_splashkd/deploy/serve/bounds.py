"""What a server takes of its clients, at most."""

import math
from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Bounds:
    """Largest uploads. Pixels have the limit of all files, ``limits.PIXELS``.

    Args:
        upload_bytes: Bytes of a request, from 1; default 256 MiB.
        upload_seconds: Seconds in which it has to arrive, above 0; default 300.
        video_seconds: Duration of a video in seconds, above 0; default 600.
        video_frames: Frames of a video, from 1; default 20,000.
        waiting: Requests that may wait beside the one that is worked on, from 0, those
            that still arrive included; default 4.

    Raises:
        ValueError: A value is out of its range; the message names the option.
    """

    upload_bytes: int = 256 * MIB
    upload_seconds: float = 300.0
    video_seconds: float = 600.0
    video_frames: int = 20_000
    waiting: int = 4

    def __post_init__(self) -> None:
        for option, value, least in (
            ("--max-bytes", self.upload_bytes, 1),
            ("--max-frames", self.video_frames, 1),
            ("--max-waiting", self.waiting, 0),
        ):
            if value < least:
                raise ValueError(f"{option} {value}: give a whole number from {least}")
        for option, value in (
            ("--max-upload-seconds", self.upload_seconds),
            ("--max-seconds", self.video_seconds),
        ):
            if not 0 < value < math.inf:  # NaN, too
                raise ValueError(f"{option} {value}: give seconds above 0")

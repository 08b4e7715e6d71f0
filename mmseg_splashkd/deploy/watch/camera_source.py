"""Frames of a camera, which is connected to again whenever it is lost."""

import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.datasets.video_frames import (
    check_shown,
    checked_video,
    decode_container,
    pixel_aspect,
    shown,
)
from mmseg_splashkd.deploy.watch.source import DAMAGED, LOST, Moment, Problem
from mmseg_splashkd.extras import import_extra

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

PATIENCE = 10.0  # seconds to wait for a connection, and for data
PAUSES = (1.0, 60.0)  # seconds before the first attempt, and at most
CREDENTIALS = re.compile(r"(?<=://)[^/?#]*@")
SECRETS = re.compile(r"(?i)([?&][^=&]*(?:pass|pwd|token|key|secret|auth)[^=&]*=)[^&]*")


class CameraSource:
    """A camera, or whatever PyAV opens and that does not end; see ``Source``.

    Frames have the time of this machine at which they are decoded.

    Args:
        address: Such as ``rtsp://user:password@host/stream`` or ``/dev/video0``.
        connect: Opens the address; default PyAV.
        clock: Nanoseconds since 1970 UTC; default that of this machine.
        wait: Waits for some seconds; default ``time.sleep``.

    Raises:
        ImportError: PyAV is not installed.
    """

    count = None

    def __init__(
        self,
        address: str,
        connect: "Callable[[str], InputContainer] | None" = None,
        clock: Callable[[], int] = time.time_ns,
        wait: Callable[[float], Any] = time.sleep,
    ) -> None:
        self._av: Any = import_extra("av", "cameras")
        self._address, self._name = address, without_secrets(address)
        self._connect = connect or self._opened
        self._clock, self._wait = clock, wait
        self.identity = {"camera": self._name}
        self.about = f"{self._name}: times are of this machine, when a frame arrives"

    def moments(self) -> Iterator[Moment | Problem]:
        """Frames as they arrive, without end; see ``Source``.

        Raises:
            ValueError: The first connection fails, or gives no frame. Later ones are
                tried again, after 1, 2, 4 seconds and so on, at most 60.
        """
        has_come, pause = False, PAUSES[0]
        while True:
            reason = "it ended"
            try:
                for item in self._connection():
                    if isinstance(item, Moment):
                        has_come, pause = True, PAUSES[0]
                    yield item
            except (self._av.FFmpegError, OSError, ValueError) as error:
                # It may hold the address, which may hold a password.
                reason = str(error).replace(self._address, self._name)
            if not has_come:
                raise ValueError(f"camera {self._name} gives no frame: {reason}")
            yield Problem(LOST, f"{self._name}: {reason}; again in {pause:.0f} s")
            self._wait(pause)
            pause = min(2 * pause, PAUSES[1])

    def _connection(self) -> Iterator[Moment | Problem]:
        """Frames until the connection ends."""
        container, is_first = self._connect(self._address), True
        with checked_video(container, self._name):
            aspect = pixel_aspect(container)
            for frame in decode_container(container, "SLICE"):
                if isinstance(frame, str):
                    yield Problem(DAMAGED, f"{self._name}: {frame}")
                    continue
                if is_first:
                    check_shown(frame, self._name)
                    is_first = False
                yield self._moment(frame, aspect)

    def _moment(self, frame: "VideoFrame", aspect: Any) -> Moment:
        now = self._clock()
        name = f"{self._name} at {now / SECOND:.3f} s"
        return Moment(now, name, partial(shown, frame, aspect, self._name))

    def _opened(self, address: str) -> "InputContainer":
        is_device = "://" not in address
        return self._av.open(
            address,
            format="v4l2" if is_device else None,
            options={"rtsp_transport": "tcp"} if address.startswith("rtsp") else {},
            timeout=PATIENCE,
            metadata_errors="replace",
        )


def is_camera(source: str) -> bool:
    """Whether a source is an address or a device, not a file."""
    return "://" in source or Path(source).is_char_device()


def without_secrets(address: str) -> str:
    """An address without user, password and values that may be secrets."""
    return SECRETS.sub(r"\1***", CREDENTIALS.sub("", address))

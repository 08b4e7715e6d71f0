"""A video of the frames with the predicted classes over them."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.evaluation.events.table import format_utc
from mmseg_splashkd.extras import import_extra
from mmseg_splashkd.unwritable import writing

SUFFIX = ".mp4"
CODECS = ("libx264", "mpeg4")  # the first one that PyAV was built with
BASE = 60_000  # parts of a second: the usual frame rates are exact
FRAGMENT = 50  # frames that a player needs whole
FRAGMENTED = "frag_keyframe+empty_moov+default_base_moof"


class AnnotatedVideo:
    """An MP4 that is written while it grows.

    It consists of fragments of ``FRAGMENT`` frames: after a kill it plays up to the
    last one that is complete; after any other end it is whole. Times are kept to
    1/60,000 s from the first frame on, whose own time is the ``creation_time``. Of an
    odd width or height the last column or row is left out; a frame of another size than
    the first one is scaled to that.

    Args:
        path: The file, which must not exist.

    Raises:
        FileExistsError: It exists.
        ImportError: PyAV is not installed.
        UnwritableError: Drive, quota or rights do not allow it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._av: Any = import_extra("av", "videos")
        self._container: Any = None
        self._stream: Any = None
        self._first = 0
        self._last = -1
        if path.exists():
            raise FileExistsError(f"{path} exists: name another file by --annotate")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, time_ns: int, picture: np.ndarray) -> None:
        """Append a frame.

        Args:
            time_ns: Its time in nanoseconds.
            picture: (H, W, 3) uint8 RGB.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
        """
        with writing(self.path):
            if self._stream is None:
                self._stream = self._opened(time_ns, *picture.shape[:2])
            stream = self._stream
            height, width = map(_even, picture.shape[:2])
            even = np.ascontiguousarray(picture[:height, :width])
            frame = self._av.VideoFrame.from_ndarray(even, format="rgb24")
            frame = frame.reformat(stream.width, stream.height, stream.pix_fmt)
            time = round(Fraction((time_ns - self._first) * BASE, SECOND))
            # Two times may round to the same one, which no container takes.
            self._last = frame.pts = max(time, self._last + 1)
            frame.time_base = Fraction(1, BASE)
            self._container.mux(stream.encode(frame))

    def close(self) -> None:
        """Complete the file.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
        """
        if self._stream is None:
            return
        with writing(self.path):
            try:
                self._container.mux(self._stream.encode())
            finally:
                self._container.close()

    def _opened(self, time_ns: int, height: int, width: int) -> Any:
        """The stream of a new file, for frames of a size."""
        options = {"movflags": FRAGMENTED, "flush_packets": "1"}
        self._container = self._av.open(str(self.path), "w", options=options)
        self._container.metadata["creation_time"] = format_utc(time_ns)
        self._first = time_ns
        codec = next(each for each in CODECS if each in self._av.codecs_available)
        stream = self._container.add_stream(codec)
        stream.width, stream.height = _even(width), _even(height)
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, BASE)
        stream.codec_context.gop_size = FRAGMENT
        # Frames that refer to later ones would delay the first one in the file.
        stream.codec_context.max_b_frames = 0
        return stream


def _even(length: int) -> int:
    return max(2, length - length % 2)


def free_name(path: Path) -> Path:
    """The name of the part that goes on: ``a_2.mp4``, ``a_3.mp4`` where those exist.

    Args:
        path: The file that was asked for, ``a.mp4``.
    """
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_stem(f"{path.stem}_{number}")
    return found

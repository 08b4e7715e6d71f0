"""Drawn videos and folders, and the files that come of them."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from mmseg_splashkd.datasets.timestamps import SECOND, format_timestamp
from tests.deploy.predict.fakes import write

START = 1_714_550_400  # 2024-05-01 08:00:00 UTC
H, W = 32, 48
MILLISECOND = Fraction(1, 1000)


def picture(number: int, size: tuple[int, int] = (H, W)) -> np.ndarray:
    """Blue water; frames 3, 4 and 5 of every ten have a red square of 8, 12, 8."""
    rgb = np.zeros((*size, 3), np.uint8)
    rgb[..., 2] = 90
    side = {3: 8, 4: 12, 5: 8}.get(number % 10, 0)
    rgb[8 : 8 + side, 8 : 8 + side] = (230, 0, 0)
    return rgb


def draw_folder(folder: Path, numbers: Sequence[int], step: int = SECOND) -> Path:
    """Draw a folder of frames that are ``step`` nanoseconds apart."""
    for number in numbers:
        name = format_timestamp(START * SECOND + number * step)
        write(folder / f"{name}.png", picture(number))
    return folder


def draw_video(
    path: Path,
    times: Sequence[int],
    created: str | None = "2024-05-01T08:00:00.000000Z",
    codec: str = "mpeg4",
) -> Path:
    """Draw a video; ``times`` are milliseconds."""
    options = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as container:
        if created:
            container.metadata["creation_time"] = created
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        stream.time_base = stream.codec_context.time_base = MILLISECOND
        stream.codec_context.qmin = stream.codec_context.qmax = 2
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = time, MILLISECOND
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Bytes of all visible files."""
    files = (path for path in folder.rglob("*") if path.is_file())
    names = ((path.relative_to(folder).as_posix(), path) for path in files)
    return {name: path.read_bytes() for name, path in names if name[0] != "."}

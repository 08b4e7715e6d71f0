"""Measure ``tools/watch.py`` on an hour of drawn video: memory, and frames a second.

    python benchmarks/watch.py                       # without a network: red is splash
    python benchmarks/watch.py --model student.onnx  # with one

The video is drawn once, ``--seconds`` of it at ``--rate`` frames a second. The resident
memory of this process is sampled after every tenth of the frames. The exit status is 1
if it grows by more than ``--tolerance`` after the second sample. Linux only.
"""

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mmseg_splashkd.datasets.label_coding import SPLASH
from mmseg_splashkd.deploy.metadata import DeployedMeta
from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.watch import Row
from mmseg_splashkd.deploy.watch.annotate import AnnotatedVideo
from mmseg_splashkd.deploy.watch.command import Output, watch_into
from mmseg_splashkd.deploy.watch.event_log import EventLog
from mmseg_splashkd.deploy.watch.selection import Selection
from mmseg_splashkd.deploy.watch.video_source import VideoSource
from mmseg_splashkd.extras import import_extra

MIB = 2**20
SAMPLES = 10
PERIOD = 40  # frames between two splashes


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3600, help="default: 3600")
    parser.add_argument("--rate", type=int, default=25, help="default: 25 a second")
    parser.add_argument("--size", type=int, nargs=2, default=(180, 320))
    parser.add_argument("--model", help="file of tools/export.py (default: none)")
    parser.add_argument("--tolerance", type=float, default=16.0, help="MiB")
    parser.add_argument("--annotate", action="store_true", help="write a video, too")
    args = parser.parse_args(argv)
    if args.seconds * args.rate < 2 * SAMPLES:
        parser.error(f"--seconds times --rate must be at least {2 * SAMPLES}")
    return args


class RedEngine:
    """The probability of splash is the red channel."""

    name = "red"
    meta = DeployedMeta(
        classes=tuple(SPLASH.classes),
        palette=tuple((r, g, b) for r, g, b in SPLASH.palette),
        gray_to_train_id=SPLASH.gray_to_train_id,
        train_id_to_gray=SPLASH.train_id_to_gray,
        size=(8, 8),
        mean=None,
        std=None,
        thresholds={"splash": 0.5},
        config_sha256="",
        weights_sha256="",
        run="red",
        versions={},
        parity={},
    )

    def run(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Engine``."""
        red = frames[..., 0].astype(np.float32) / 255
        return np.stack([1 - red, red], 1), (red >= 0.5).astype(np.uint8)


def draw(path: Path, frames: int, rate: int, size: tuple[int, int]) -> None:
    """Draw water with a splash of one frame now and then."""
    av = import_extra("av", "videos")
    height, width = size
    water = np.zeros((height, width, 3), np.uint8)
    water[..., 2] = 90
    splash = water.copy()
    splash[height // 4 : height // 2, width // 4 : width // 2] = (230, 0, 0)
    with av.open(str(path), "w") as container:
        container.metadata["creation_time"] = "2024-05-01T08:00:00.000000Z"
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            pixels = splash if number % PERIOD == 0 else water
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def resident() -> float:
    """MiB of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


@dataclass(frozen=True)
class Sampled(Output):
    """Output that notes MiB after each tenth of the frames.

    Args:
        frames: Number of frames.
        found: The samples.
    """

    frames: int = 0
    found: list[float] = field(default_factory=list)

    def on_row(self, row: Row) -> None:
        """See ``Output``."""
        super().on_row(row)
        if self.counts.rows % (self.frames // SAMPLES) == 0:
            self.found.append(resident())


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, watch and print; return the exit status."""
    args = parse_args(argv)
    frames = args.seconds * args.rate
    model = SplashModel.load(args.model) if args.model else SplashModel(RedEngine())
    with TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder / "video.mkv", frames, args.rate, tuple(args.size))
        annotated = AnnotatedVideo(folder / "a.mp4") if args.annotate else None
        log = EventLog(folder, "video")
        output = Sampled(model, 1, Selection(), log, annotated, frames=frames)
        began = time.perf_counter()
        watch_into(VideoSource(folder / "video.mkv"), folder, output)
        seconds = time.perf_counter() - began
    found = output.found
    growth = max(found[1:]) - found[1]
    height, width = args.size
    print(f"\n{frames:,} frames of {width}x{height}: {frames / seconds:,.0f} a second")
    print("\n| share of the frames | MiB |\n|---|---|")
    for number, mib in enumerate(found, 1):
        print(f"| {number / SAMPLES:.0%} | {mib:,.1f} |")
    print(f"\nat most {growth:+.1f} MiB after the second")
    return int(growth > args.tolerance)


if __name__ == "__main__":
    raise SystemExit(main())

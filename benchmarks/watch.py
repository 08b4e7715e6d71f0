"""Measure ``tools/watch.py`` on an hour of drawn video: memory, and frames a second.

    python benchmarks/watch.py                       # without a network: red is splash
    python benchmarks/watch.py --model student.onnx  # with one
    python benchmarks/watch.py --model student.onnx --jobs 1 2   # processes at once
    python benchmarks/watch.py --model student.onnx --plan 100 365

The video is drawn once, ``--seconds`` of it at ``--rate`` frames a second. The resident
memory of this process is sampled after every tenth of the frames. The exit status is 1
if it grows by more than ``--tolerance`` after the second sample. Linux only.

``--jobs`` instead watches the video in each number of processes at once, of one thread
each, from when all have opened it. ``--plan`` measures one process, and prints what an
archive of cameras and days takes.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from subprocess import PIPE, CalledProcessError, Popen
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
DAY = 86_400  # seconds
TERABYTE = 10**12


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3600, help="default: 3600")
    parser.add_argument("--rate", type=int, default=25, help="default: 25 a second")
    parser.add_argument("--size", type=int, nargs=2, default=(180, 320))
    parser.add_argument("--model", help="file of tools/export.py (default: none)")
    parser.add_argument("--tolerance", type=float, default=16.0, help="MiB")
    parser.add_argument("--annotate", action="store_true", help="write a video, too")
    parser.add_argument(
        "--jobs", type=int, nargs="+", metavar="N", help="numbers of processes at once"
    )
    parser.add_argument(
        "--plan",
        type=float,
        nargs=2,
        metavar=("CAMERAS", "DAYS"),
        help="what an archive takes, at --plan-rate frames a second",
    )
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--plan-rate", type=float, default=25.0, help="default: 25")
    args = parser.parse_args(argv)
    if args.annotate and (args.jobs or args.plan):
        parser.error("--annotate has no effect with --jobs or --plan")
    if args.jobs and min(args.jobs) < 1:
        parser.error(f"--jobs {min(args.jobs)} must be at least 1")
    if min([args.plan_rate, *(args.plan or ())]) <= 0:
        parser.error("--plan and --plan-rate must be above 0")
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


RED = RedEngine()


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


def opened(path: str | None, threads: int | None = None) -> SplashModel:
    """The model of a file; None: red is splash."""
    return SplashModel.load(path, None, None, threads) if path else SplashModel(RED)


def watch_when_told(video: Path, model: str | None) -> None:
    """Watch a video in this process, of one thread, when a line arrives.

    Prints ``ready`` when everything is opened, and then the seconds of a clock of the
    machine at begin and end, and the bytes of the table.

    Args:
        video: The video.
        model: File of the model.
    """
    folder = Path(f"{video}.{os.getpid()}")
    folder.mkdir()
    output = Output(opened(model, 1), 1, Selection(), EventLog(folder, "video"))
    source = VideoSource(video)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    with (
        Path(os.devnull).open("w") as null,
        redirect_stdout(null),
        redirect_stderr(null),
    ):
        watch_into(source, folder, output)
    size = (folder / "rows.csv").stat().st_size
    print(json.dumps([began, time.monotonic(), size]))


@dataclass(frozen=True)
class Measured:
    """Constants of a plan.

    Args:
        rate: Frames a second of all processes.
        row: Bytes of a row.
    """

    rate: float
    row: float


def measured(video: Path, frames: int, model: str | None, jobs: int) -> Measured:
    """Watch a video in some processes at once.

    Args:
        video: The video.
        frames: Its number of frames.
        model: File of the model.
        jobs: Number of processes.

    Raises:
        CalledProcessError: One failed; it has printed why.
    """
    words = [sys.executable, __file__, "--worker", str(video)]
    words += ["--model", model] if model else []
    with ExitStack() as stack:
        workers = [
            stack.enter_context(Popen(words, stdin=PIPE, stdout=PIPE, text=True))
            for _ in range(jobs)
        ]
        # All have opened their video before the first one begins.
        for each in workers:
            if each.stdout is None or each.stdout.readline() != "ready\n":
                raise CalledProcessError(each.wait(), words)
        for each in workers:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        found = [json.loads(each.communicate()[0]) for each in workers]
    begins, ends, sizes = zip(*found, strict=True)
    seconds = max(ends) - min(begins)
    return Measured(jobs * frames / seconds, sum(sizes) / (jobs * frames))


@dataclass(frozen=True)
class Plan:
    """What an archive takes.

    Attributes:
        frames: Number of frames.
        hours: Hours of one core.
        cores: Cores that keep up with the cameras.
        disk: Bytes of the rows.
    """

    frames: float
    hours: float
    cores: float
    disk: float


def plan_of(cameras: float, days: float, rate: float, constants: Measured) -> Plan:
    """Plan an archive.

    Args:
        cameras: Number of cameras.
        days: Days of each.
        rate: Frames a second that are taken of each.
        constants: As measured with one process of one thread.
    """
    frames = cameras * days * DAY * rate
    seconds = frames / constants.rate
    return Plan(
        frames, seconds / 3600, cameras * rate / constants.rate, frames * constants.row
    )


def print_jobs(
    video: Path, frames: int, model: str | None, jobs: Sequence[int]
) -> None:
    """Print a table of frames a second."""
    print("\n| processes | frames a second | of each | scaling |\n|---|---|---|---|")
    base: float | None = None
    for number in jobs:
        rate = measured(video, frames, model, number).rate
        base = base or rate / number
        each, scaling = rate / number, rate / base
        print(f"| {number} | {rate:,.1f} | {each:,.1f} | {scaling:.2f} |")


def print_plan(cameras: float, days: float, rate: float, constants: Measured) -> None:
    """Print what an archive takes, with the constants."""
    plan = plan_of(cameras, days, rate, constants)
    print(
        f"\n{constants.rate:,.1f} frames a second and core, {constants.row:.1f} bytes "
        f"a row\n{cameras:g} cameras, {days:g} days, {rate:g} frames a second: "
        f"{plan.frames:,.0f} frames, {plan.hours:,.0f} core hours ({plan.cores:,.1f} "
        f"cores keep up), {plan.disk / TERABYTE:,.3f} TB of rows"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, watch and print; return the exit status."""
    args = parse_args(argv)
    if args.worker:
        watch_when_told(args.worker, args.model)
        return 0
    frames = args.seconds * args.rate
    if args.jobs or args.plan:
        with TemporaryDirectory() as name:
            video = Path(name) / "video.mkv"
            draw(video, frames, args.rate, tuple(args.size))
            if args.jobs:
                print_jobs(video, frames, args.model, args.jobs)
            if args.plan:
                constants = measured(video, frames, args.model, 1)
                print_plan(*args.plan, args.plan_rate, constants)
        return 0
    model = opened(args.model)
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

"""Synthetic video of a net pen at feeding time: frames, labels and tables."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from rich.progress import Progress

from mmseg_splashkd.datasets.label_coding import SPLASH
from mmseg_splashkd.datasets.synthetic.bursts import BurstRow, burst_rows
from mmseg_splashkd.datasets.synthetic.events import (
    EventRow,
    find_events,
    schedule_events,
)
from mmseg_splashkd.datasets.synthetic.farms import FARMS
from mmseg_splashkd.datasets.synthetic.label_noise import (
    corrupt_mask,
    plan_errors,
    stale_source,
)
from mmseg_splashkd.datasets.synthetic.pond_scene import (
    Pond,
    SplashEvent,
    draw_frame,
    make_pond,
    splash_water,
    stream_of,
)
from mmseg_splashkd.datasets.synthetic.weather import WEATHERS, weather_of
from mmseg_splashkd.files import whole_file, write_whole

VERSION = 1  # of the renderer: increased if the same arguments give other bytes
COLUMNS = ("recording", "timestamp", "frame", "label", "splash_share", "burst")
ERROR_COLUMNS = ("frame", "kind", "wrong_pixels", "clean_label")
GRAY = {SPLASH.classes[i]: gray for gray, i in SPLASH.gray_to_train_id.items()}
MIN_FRAMES, MIN_SIDE = 20, 48


def draw_pond(
    out_dir: str | Path,
    *,
    frames: int = 160,
    size: tuple[int, int] = (192, 256),
    seed: int = 0,
    recording: str = "pond",
    start: int = 1_683_000_000,
    interval_seconds: int = 3,
    farm: str = "A",
    weather: str = "clear",
    night: bool = False,
    label_noise: float = 0.0,
    unlabelled: float = 0.0,
    progress: bool = True,
) -> Path:
    """Render a video with its labels and tables.

    Foam covers 1.7 % of all pixels, in splash events with calm frames between them
    (from 31 frames on). Split 7:2:1 in time, each part contains at least two complete
    events. The same arguments and ``VERSION`` give the same bytes, and no argument
    about labels changes a frame. Files in ``out_dir``, with one PNG per frame named
    ``<10-digit seconds>-<9-digit nanoseconds>.png``:

    - ``images/*.png`` and ``labels/*.png``, in the gray values of ``SPLASH``.
    - ``frames.csv``: one row per frame, with paths relative to it. ``splash_share`` is
      computed from the label file; ``burst`` is the number of the true splash event.
    - ``events.csv``: the true splash events (see ``EventRow``).
    - ``bursts.csv``: where the foam of each is, by frames (see ``BurstRow``); of the
      drawn foam, whatever the labels are.
    - ``label_errors.csv`` and ``clean_labels/*.png``, if ``label_noise`` is above 0:
      the frames with a label error, its kind (see ``plan_errors``), the number of wrong
      pixels, and their correct labels.
    - ``about.json``: ``VERSION`` and the arguments.

    Args:
        out_dir: Output folder, created if missing; files of an earlier draw with the
            same names are overwritten.
        frames: Number of frames, at least 20.
        size: (H, W) in pixels, each at least 48.
        seed: Seed of hills, waves, light and splash events, at least 0.
        recording: Name of the recording in the tables.
        start: UNIX time of the first frame in seconds, 10 digits.
        interval_seconds: Seconds between frames, at least 1; each frame is delayed by
            up to 0.9 s.
        farm: A key of ``FARMS``. For one seed, all farms have the same splash events.
        weather: A key of ``WEATHERS``.
        night: Whether it is night, with lamps on.
        label_noise: Share of the labelled frames with a label error, in [0, 1].
        unlabelled: Share of the frames without a label, in [0, 1]: no label file, and
            empty cells for ``label`` and ``splash_share``.
        progress: Whether to show a progress bar.

    Returns:
        Path of ``frames.csv``.

    Raises:
        ValueError: An argument is out of its range.
        FileExistsError: ``out_dir`` holds files that this draw would not overwrite.
    """
    video = _Video(
        frames=frames,
        size=size,
        seed=seed,
        recording=recording,
        start=start,
        interval_seconds=interval_seconds,
        farm=farm,
        weather=weather,
        night=night,
        label_noise=label_noise,
        unlabelled=unlabelled,
    )
    return _draw(Path(out_dir), video, progress)


@dataclass(frozen=True)
class _Video:
    """The arguments of ``draw_pond``, validated."""

    frames: int
    size: tuple[int, int]
    seed: int
    recording: str
    start: int
    interval_seconds: int
    farm: str
    weather: str
    night: bool
    label_noise: float
    unlabelled: float

    def __post_init__(self) -> None:
        low, high = self.start, self.start + self.frames * self.interval_seconds
        for name, good, remedy in (
            ("frames", self.frames >= MIN_FRAMES, f"give at least {MIN_FRAMES}"),
            ("size", len(self.size) == 2, "give (height, width) in pixels"),
            ("size", min(self.size) >= MIN_SIDE, f"give at least {MIN_SIDE} per side"),
            ("seed", self.seed >= 0, "give 0 or more"),
            ("interval_seconds", self.interval_seconds >= 1, "give at least 1"),
            ("start", low >= 10**9, "give 10 digits"),
            ("start", high < 10**10, "give 10 digits, enough for the last frame too"),
            ("farm", self.farm in FARMS, f"give one of {list(FARMS)}"),
            ("weather", self.weather in WEATHERS, f"give one of {list(WEATHERS)}"),
            ("label_noise", 0 <= self.label_noise <= 1, "give a share in [0, 1]"),
            ("unlabelled", 0 <= self.unlabelled <= 1, "give a share in [0, 1]"),
        ):
            if not good:
                raise ValueError(f"{name}={getattr(self, name)!r}: {remedy}")


class _Plan(NamedTuple):
    """Content of a video, decided before it is rendered."""

    stamps: list[str]
    events: list[SplashEvent | None]
    numbers: list[int | None]  # numbers of the events
    labelled: list[int]  # frames
    errors: dict[int, str]  # frame -> kind


def _plan(video: _Video) -> _Plan:
    frames, seed, step = video.frames, video.seed, video.interval_seconds
    late = stream_of(seed, 0).integers(900_000_000, size=frames)
    stamps = [f"{video.start + i * step}-{ns:09d}" for i, ns in enumerate(late)]
    events = schedule_events(frames, stream_of(seed, 1))
    numbers = [event.number if event else None for event in events]
    order = stream_of(seed, 10).permutation(frames).tolist()
    labelled = sorted(order[round(video.unlabelled * frames) :])
    rng = stream_of(seed, 11)
    errors = plan_errors(labelled, numbers, video.label_noise, rng)
    return _Plan(stamps, events, numbers, labelled, errors)


def _draw(out_dir: Path, video: _Video, progress: bool) -> Path:
    plan = _plan(video)
    _prepare(out_dir, _names(video, plan))
    weather = weather_of(video.weather, video.night)
    pond = make_pond(*video.size, video.seed, FARMS[video.farm], weather)
    masks = _draw_frames(out_dir, pond, plan, progress)
    labels = {i: masks[i] for i in plan.labelled}
    labels |= _corrupt(out_dir, pond, plan, masks)
    for i, mask in labels.items():
        _save(out_dir / _file("labels", plan, i), _gray(mask))
    _write_tables(out_dir, video, plan, masks, labels)
    about = {"version": VERSION, "arguments": asdict(video)}
    write_whole(out_dir / "about.json", json.dumps(about, indent=2) + "\n")
    return out_dir / "frames.csv"


def _draw_frames(
    out_dir: Path, pond: Pond, plan: _Plan, progress: bool
) -> list[np.ndarray]:
    """Write the frames; return the foam pixels of each, (H, W) bool."""
    masks, last = [], len(plan.stamps)
    with Progress(disable=not progress) as bar:
        for i in bar.track(range(last), description="Drawing the pond"):
            image, foam = draw_frame(pond, i, i / last, plan.events[i])
            _save(out_dir / _file("images", plan, i), image)
            masks.append(foam)
    return masks


def _corrupt(
    out_dir: Path, pond: Pond, plan: _Plan, masks: Sequence[np.ndarray]
) -> dict[int, np.ndarray]:
    """Write the correct labels of frames with a label error; return wrong masks."""
    wrong, water = {}, splash_water(pond)
    for i, kind in plan.errors.items():
        with Image.open(out_dir / _file("images", plan, i)) as image:
            wrong[i] = corrupt_mask(
                kind,
                masks[i],
                image=np.asarray(image),
                water=water,
                stale=masks[stale_source(i, plan.numbers)],
                rng=stream_of(pond.seed, 12, i),
            )
        _save(out_dir / _file("clean_labels", plan, i), _gray(masks[i]))
    return wrong


def _write_tables(
    out_dir: Path,
    video: _Video,
    plan: _Plan,
    masks: Sequence[np.ndarray],
    labels: dict[int, np.ndarray],
) -> None:
    rows = _frame_rows(video.recording, plan, labels)
    _write_table(out_dir / "frames.csv", COLUMNS, rows)
    shares = [float(mask.mean()) for mask in masks]
    events = find_events(video.recording, plan.stamps, plan.numbers, shares)
    _write_table(out_dir / "events.csv", EventRow._fields, events)
    bursts = burst_rows(video.recording, plan.stamps, plan.numbers, masks)
    _write_table(out_dir / "bursts.csv", BurstRow._fields, bursts)
    if video.label_noise:
        rows = _error_rows(plan, masks, labels)
        _write_table(out_dir / "label_errors.csv", ERROR_COLUMNS, rows)


def _frame_rows(
    recording: str, plan: _Plan, labels: dict[int, np.ndarray]
) -> Iterator[tuple]:
    for i, stamp in enumerate(plan.stamps):
        label, share = "", ""
        if i in labels:
            label, share = _file("labels", plan, i), f"{labels[i].mean():.6f}"
        image, number = _file("images", plan, i), plan.numbers[i] or ""
        yield recording, stamp, image, label, share, number


def _error_rows(
    plan: _Plan, masks: Sequence[np.ndarray], labels: dict[int, np.ndarray]
) -> Iterator[tuple]:
    for i, kind in plan.errors.items():
        image, clean = _file("images", plan, i), _file("clean_labels", plan, i)
        yield image, kind, np.count_nonzero(labels[i] != masks[i]), clean


def _write_table(path: Path, columns: Iterable[str], rows: Iterable[tuple]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    write_whole(path, text.getvalue())


def _file(folder: str, plan: _Plan, frame: int) -> str:
    return f"{folder}/{plan.stamps[frame]}.png"


def _gray(mask: np.ndarray) -> np.ndarray:
    return np.where(mask, GRAY["splash"], GRAY["background"]).astype(np.uint8)


def _save(path: Path, pixels: np.ndarray) -> None:
    with whole_file(path) as partial:
        Image.fromarray(pixels).save(partial)


def _names(video: _Video, plan: _Plan) -> set[str]:
    """All files of the draw, relative to its folder."""
    names = {"frames.csv", "events.csv", "bursts.csv", "about.json"}
    if video.label_noise:
        names.add("label_errors.csv")
    names |= {_file("images", plan, i) for i in range(video.frames)}
    names |= {_file("labels", plan, i) for i in plan.labelled}
    return names | {_file("clean_labels", plan, i) for i in plan.errors}


def _prepare(out_dir: Path, names: set[str]) -> None:
    """Create the folders; reject folders that contain other files."""
    planned = {out_dir / name for name in names}
    found = {path for path in out_dir.rglob("*") if path.is_file()}
    if others := found - planned:
        raise FileExistsError(
            f"out_dir={out_dir} holds files of something else, such as "
            f"{min(others).relative_to(out_dir)}: give a new or an empty folder"
        )
    for path in planned:
        path.parent.mkdir(parents=True, exist_ok=True)

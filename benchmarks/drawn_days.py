"""Days of a drawn farm, with true and predicted shares of every frame."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmseg_splashkd.datasets.synthetic.farms import FARMS
from mmseg_splashkd.datasets.synthetic.pond_scene import (
    Pond,
    SplashEvent,
    draw_frame,
    make_pond,
    stream_of,
)
from mmseg_splashkd.datasets.synthetic.weather import weather_of
from mmseg_splashkd.files import whole_file, write_whole

SIZE = (192, 320)
START = 1_714_521_600  # 2024-05-01, UNIX seconds
HOURS = (6, 17)  # observed hours of a day
INTERVAL = 30  # seconds between frames
FRAMES = 3600 // INTERVAL  # of an hour
# Weather and night, with the seeds of the recordings of benchmarks/ponds.py.
WEATHERS = (("clear", False, 1), ("rain", False, 2), ("rain", True, 3))
SHARES = (0.5, 0.3, 0.2)  # of the days
FIRST_OF = {"A": 0, "B": 3}  # added to these seeds
GAP_S, GAP_SPREAD = 600, 0.5  # median over days of the mean pause; log-normal
LENGTH_S, LENGTH_SPREAD = 180, 0.6  # median duration of an event
PEAK, PEAK_SPREAD = 0.015, 0.7  # median of its largest share
LEAST_PEAK, MOST_PEAK = 0.002, 0.08
RISE, FALL = 0.5, 0.8  # share ~ age^0.5 (1 - age)^0.8, as in drawn videos
TOP = (RISE / (RISE + FALL)) ** RISE * (FALL / (RISE + FALL)) ** FALL


class Day(NamedTuple):
    """The N frames of a day.

    Attributes:
        times_ns: (N,) int64 UNIX nanoseconds.
        true: (N,) true share of the pixels.
        share: (N,) predicted share.
        confidence: (N,) mean probability of these pixels; NaN without any.
    """

    times_ns: np.ndarray
    true: np.ndarray
    share: np.ndarray
    confidence: np.ndarray


def draw_days(
    folder: Path, farm: str, days: range, models: Mapping[str, Path]
) -> Iterator[int]:
    """Draw days and predict them; those that are there are kept.

    Args:
        folder: Folder of one ``.npz`` file a day.
        farm: ``A`` or ``B``.
        days: Numbers of the days, from 0; a day depends on its number alone.
        models: Name -> exported file.

    Yields:
        The number of each day that is done.

    Raises:
        ValueError: The folder holds days of other models.
    """
    from mmseg_splashkd.deploy.predict.model import SplashModel

    _claim(folder, farm, models)
    opened = {
        name: SplashModel.load(path, engine="onnxruntime", threads=1)
        for name, path in models.items()
    }
    for day in days:
        file = _file(folder, day)
        if not file.is_file():
            with whole_file(file) as partial, partial.open("wb") as stream:
                np.savez(stream, **_predicted(farm, day, opened))
        yield day


def read_days(folder: Path, model: str, days: range) -> list[Day]:
    """Read days of one model."""
    read = []
    for day in days:
        with np.load(_file(folder, day)) as stored:
            share, _, confidence = stored[model].T
            read.append(Day(stored["time"], stored["true"], share, confidence))
    return read


def _file(folder: Path, day: int) -> Path:
    return folder / f"{day:04d}.npz"


def _claim(folder: Path, farm: str, models: Mapping[str, Path]) -> None:
    digests = {n: sha256(p.read_bytes()).hexdigest() for n, p in models.items()}
    asked = json.dumps({"farm": farm, "models": digests}, indent=1) + "\n"
    file = folder / "about.json"
    if file.is_file() and file.read_text() != asked:
        raise ValueError(
            f"{file} is of another farm or of other models: name a new folder"
        )
    write_whole(file, asked)


def _predicted(farm: str, day: int, models: Mapping) -> dict[str, np.ndarray]:
    from mmseg_splashkd.deploy.watch.measure import measure

    times, true = [], []
    rows = {name: [] for name in models}
    for time_ns, image, foam in _frames(farm, day):
        times.append(time_ns)
        true.append(foam.mean())
        for name, model in models.items():
            found = model.predict_frame(image)
            row, _ = measure(found.labels, found.probabilities, 1, time_ns)
            sure = np.nan if row.confidence is None else row.confidence
            rows[name].append((row.share, row.blobs, sure))
    known = {"time": np.array(times), "true": np.array(true)}
    return known | {name: np.array(each) for name, each in rows.items()}


def _frames(farm: str, day: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Time, (H, W, 3) uint8 frame and (H, W) bool foam of each frame of a day.

    The camera is that of the drawn recordings of this weather; waves, light, noise and
    events are of the day.
    """
    rng = stream_of(7, day)
    pond = camera_of(farm, rng)
    gap = rng.lognormal(np.log(GAP_S), GAP_SPREAD)
    for number, hour in enumerate(HOURS):
        view = replace(pond, seed=1000 + len(HOURS) * day + number)
        for frame, event in enumerate(schedule(rng, gap)):
            seconds = START + 86_400 * day + 3600 * hour + INTERVAL * frame
            image, foam = draw_frame(view, frame, frame / FRAMES, event)
            yield seconds * 10**9, image, foam


def camera_of(
    farm: str, rng: np.random.Generator, size: Sequence[int] | None = None
) -> Pond:
    """The camera of a farm, in a weather that is drawn.

    Args:
        farm: ``A`` or ``B``.
        rng: Random generator.
        size: Height and width; None: ``SIZE``.
    """
    weather, night, seed = WEATHERS[rng.choice(len(WEATHERS), p=SHARES)]
    scene = weather_of(weather, night)
    height, width = size or SIZE
    return make_pond(height, width, seed + FIRST_OF[farm], FARMS[farm], scene)


def schedule(
    rng: np.random.Generator,
    gap_s: float,
    length_s: float | None = None,
    interval_s: float = INTERVAL,
    count: int | None = None,
) -> list[SplashEvent | None]:
    """The event of each frame of an hour; pauses between them are exponential.

    Args:
        rng: Random generator.
        gap_s: Mean pause in seconds.
        length_s: Median duration of an event; None: ``LENGTH_S``.
        interval_s: Seconds between frames.
        count: Number of frames; None: ``FRAMES``, those of an hour.
    """
    length_s, count = length_s or LENGTH_S, count or FRAMES
    moments: list[SplashEvent | None] = [None] * count
    at, number = rng.exponential(gap_s) / interval_s, 0
    while at < count:
        length = rng.lognormal(np.log(length_s), LENGTH_SPREAD)
        frames = max(1, round(length / interval_s))
        peak = float(
            np.clip(rng.lognormal(np.log(PEAK), PEAK_SPREAD), LEAST_PEAK, MOST_PEAK)
        )
        number += 1
        for step in range(min(frames, count - int(at))):
            age = (step + 0.5) / frames
            share = peak * age**RISE * (1 - age) ** FALL / TOP
            moments[int(at) + step] = SplashEvent(number, age, share)
        at = int(at) + frames + 1 + rng.exponential(gap_s) / interval_s
    return moments

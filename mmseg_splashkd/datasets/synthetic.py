"""A drawn video of a fish-farm net pen at feeding time: frames, labels and a table."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from mmseg_splashkd.datasets.label_maps import SPLASH
from mmseg_splashkd.datasets.pond_scene import Burst, draw_frame, make_pond, stream_of

COLUMNS = ("recording", "timestamp", "frame", "label", "splash_share", "burst")
GRAY = {SPLASH.classes[i]: gray for gray, i in SPLASH.gray_to_train_id.items()}
MIN_FRAMES, MIN_SIDE = 20, 48
SPLASH_SHARE = 0.017  # of all pixels of the video
SLOT_FRAMES = 10  # one burst and the calm around it


def draw_pond(
    out_dir: str | Path,
    *,
    frames: int = 160,
    size: tuple[int, int] = (192, 256),
    seed: int = 0,
    recording: str = "pond",
    start: int = 1_683_000_000,
    interval_seconds: int = 3,
    progress: bool = True,
) -> Path:
    """Draw the video: ``images/*.png``, ``labels/*.png`` and ``frames.csv``.

    The same arguments give the same bytes. Foam covers 1.7 % of all pixels, in bursts
    with calm between them; cut 7:2:1 in time order, each part of the video holds at
    least two whole bursts. Files are named ``<10-digit seconds>-<9-digit
    nanoseconds>.png``. The table has one row a frame, with paths relative to it.

    Args:
        out_dir: Made if missing; an earlier draw of the same names is overwritten.
        frames: Number of frames, at least 20.
        size: (H, W) in pixels, each at least 48.
        seed: 0 or more; another seed gives other hills, waves, light and bursts.
        recording: Name of the recording in the table.
        start: Unix time of the first frame in seconds, 10 digits.
        interval_seconds: Seconds between frames, at least 1; each frame comes up to
            0.9 s late.
        progress: Show a progress bar.

    Returns:
        Path of ``frames.csv``.

    Raises:
        ValueError: An argument is out of its range.
        FileExistsError: ``out_dir`` holds files that this draw would leave beside it.
    """
    _check(frames, size, seed, start, interval_seconds)
    late = stream_of(seed, 0).integers(900_000_000, size=frames)
    stems = [f"{start + i * interval_seconds}-{ns:09d}" for i, ns in enumerate(late)]
    out_dir = _prepare(Path(out_dir), stems)
    pond, bursts = make_pond(*size, seed), _schedule(frames, stream_of(seed, 1))
    rows = []
    for i in track(range(frames), "Drawing the pond", disable=not progress):
        burst = bursts[i]
        image, foam = draw_frame(pond, i, i / frames, burst)
        gray = np.where(foam, GRAY["splash"], GRAY["background"]).astype(np.uint8)
        paths = [f"{folder}/{stems[i]}.png" for folder in ("images", "labels")]
        for path, pixels in zip(paths, (image, gray), strict=True):
            Image.fromarray(pixels).save(out_dir / path)
        number = burst.number if burst else ""
        rows.append((recording, stems[i], *paths, f"{foam.mean():.6f}", number))
    with (out_dir / "frames.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    return out_dir / "frames.csv"


def _check(
    frames: int, size: tuple[int, int], seed: int, start: int, interval: int
) -> None:
    ten_digits = start >= 10**9 and start + frames * interval < 10**10
    for good, message in (
        (frames >= MIN_FRAMES, f"frames={frames}: give at least {MIN_FRAMES}"),
        (len(size) == 2, f"size={size}: give (height, width) in pixels"),
        (min(size) >= MIN_SIDE, f"size={size}: give at least {MIN_SIDE} pixels a side"),
        (seed >= 0, f"seed={seed}: give 0 or more"),
        (interval >= 1, f"interval_seconds={interval}: give at least 1"),
        (ten_digits, f"start={start}: give 10 digits, enough for the last frame too"),
    ):
        if not good:
            raise ValueError(message)


def _prepare(out_dir: Path, stems: list[str]) -> Path:
    """Make the folders, unless files would be left beside the draw."""
    folders = [out_dir / "images", out_dir / "labels"]
    planned = {folder / f"{stem}.png" for folder in folders for stem in stems}
    found = {path for path in out_dir.rglob("*") if path.is_file()}
    if others := found - planned - {out_dir / "frames.csv"}:
        raise FileExistsError(
            f"out_dir={out_dir} holds files of something else, such as "
            f"{min(others).relative_to(out_dir)}: give a new or an empty folder"
        )
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return out_dir


def _schedule(frames: int, rng: np.random.Generator) -> list[Burst | None]:
    """One burst or none for each frame; no burst crosses a cut of 7:2:1 in time."""
    moments: list[Burst | None] = [None] * frames
    parts = np.split(np.arange(frames), [frames * 7 // 10, frames * 9 // 10])
    slots = [s for p in parts for s in np.array_split(p, max(2, len(p) // SLOT_FRAMES))]
    for number, slot in enumerate(slots, 1):
        active = max(1, len(slot) // 2)
        first = slot[-1] + 1 - active - rng.integers(max(1, len(slot) - active))
        strength = rng.uniform(0.7, 1.3)
        for i in range(active):
            age = (i + 0.5) / active
            share = strength * age**0.5 * (1 - age) ** 0.8  # grows fast, decays slowly
            moments[first + i] = Burst(number, age, share)
    scale = SPLASH_SHARE * frames / sum(b.share for b in moments if b)
    return [b and replace(b, share=b.share * scale) for b in moments]

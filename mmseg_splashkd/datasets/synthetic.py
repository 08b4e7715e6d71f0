"""A drawn video of a fish-farm net pen at feeding time: frames, labels and a table.

A fixed camera looks over a round net pen. Everything lies on the water plane (x metres
to the right, z metres ahead) and is projected, so that waves, glare and foam share one
perspective at any image size. Colours are linear light until the camera's curve.
"""

import csv
import math
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from rich.progress import track

from mmseg_splashkd.datasets.label_maps import SPLASH

COLUMNS = ("recording", "timestamp", "frame", "label", "splash_share", "burst")
GRAY = {SPLASH.classes[i]: gray for gray, i in SPLASH.gray_to_train_id.items()}
MIN_FRAMES, MIN_SIDE = 20, 48
SPLASH_SHARE = 0.017  # of all pixels of the video
SLOT_FRAMES = 10  # one burst and the calm around it

CAMERA_HEIGHT = 8.5  # metres above the water
HORIZON = 0.12  # of the image height, from the top
FOCAL = (0.64, 0.85)  # in image widths, in image heights
TILE, TILE_METRES = 256, 14.0  # noise that repeats seamlessly on the water plane
# Three seas across each other: length, drift in a frame (x, z), weight. The drift is
# slowed, so that neighbouring frames still show the same waves.
WAVES = ((1.0, 0.36, 0.22, 0.8), (0.73, -0.14, 0.32, 0.8), (3.3, 0.18, 0.11, 0.7))

ZENITH, HAZE = np.array([[0.42, 0.56, 0.68], [0.80, 0.84, 0.85]], np.float32)
DEEP, SUNLIGHT = np.array([[0.022, 0.105, 0.115], [1.0, 0.95, 0.84]], np.float32)
FOAM_SHADE, FOAM = np.array([[0.40, 0.54, 0.60], [1.0, 1.0, 0.98]], np.float32)
HILLS = ((0.075, (0.40, 0.48, 0.53)), (0.040, (0.16, 0.24, 0.23)))  # height, colour

PEN_Z, PEN_RADIUS, RAIL = 21.5, 12.6, 1.1  # metres: ahead, radius, up
PENS = ((-31.0, 62.0), (14.0, 74.0), (0.0, PEN_Z))  # x, z; the last is watched
BUOYS = ((-13.5, 31.0), (14.5, 27.0), (9.6, 45.0))  # x, z
BLACK, GREY, METAL = (0.02, 0.022, 0.025), (0.13, 0.14, 0.15), (0.30, 0.31, 0.30)
# Bars around an upright axis: start and end (in pen radii, metres up), how many,
# slant (in bars), colour, thickness (metres), alpha.
PEN_BARS = (
    ((1.06, -0.3), (1.06, -0.3), 192, 1, BLACK, 0.30, 0.5),  # shade on the water
    ((1.00, 0.10), (1.00, 0.10), 192, 1, BLACK, 0.40, 1.0),  # floating pipes
    ((1.06, 0.10), (1.06, 0.10), 192, 1, BLACK, 0.40, 1.0),
    ((1.00, 0.20), (1.00, 0.20), 192, 1, GREY, 0.10, 1.0),  # and the sky on them
    ((1.06, 0.20), (1.06, 0.20), 192, 1, GREY, 0.10, 1.0),
    ((0.99, 0.20), (0.995, RAIL), 192, 1, BLACK, 0.03, 0.5),  # hung net
    ((0.99, 0.20), (0.995, RAIL), 192, -1, BLACK, 0.03, 0.5),
    ((0.98, 0.25), (1.08, 0.25), 24, 0, BLACK, 0.35, 1.0),  # brackets
    ((1.03, 0.20), (0.995, RAIL), 24, 0, METAL, 0.10, 1.0),  # posts
    ((0.995, RAIL), (0.995, RAIL), 192, 1, METAL, 0.12, 1.0),
)
BUOY_BAR = ((0.0, 0.3), (0.0, 0.3), 1, 0, (0.80, 0.20, 0.03), 0.75, 1.0)
SUPERSAMPLE = 4  # of the scenery, which is drawn without anti-aliasing


@dataclass(frozen=True)
class _Pond:
    """What stays the same through the video; H, W pixels, T tile samples."""

    seed: int
    x: np.ndarray  # (H, W) metres to the right on the water plane
    z: np.ndarray  # (H, W) metres ahead
    slopes: np.ndarray  # (T, T, 2) tile of wave slopes along x and z
    froth: np.ndarray  # (T, T) tile of noise: the texture of foam and of the wind
    scenery: np.ndarray  # (H, W, 4) sky, hills and pens; colour times alpha, alpha


@dataclass(frozen=True)
class _Burst:
    """One feeding splash at one moment."""

    number: int
    age: float  # 0 it starts, 1 it is gone
    share: float  # of the pixels of the frame


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
    late = _rng(seed, 0).integers(900_000_000, size=frames)
    stems = [f"{start + i * interval_seconds}-{ns:09d}" for i, ns in enumerate(late)]
    out_dir = _prepare(Path(out_dir), stems)
    pond, bursts = _make_pond(*size, seed), _schedule(frames, _rng(seed, 1))
    rows = []
    for i in track(range(frames), "Drawing the pond", disable=not progress):
        burst = bursts[i]
        image, foam = _draw_frame(pond, i, i / frames, burst)
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


def _rng(*stream: int) -> np.random.Generator:
    """Random numbers for one use, whatever other uses draw."""
    return np.random.default_rng(stream)


def _schedule(frames: int, rng: np.random.Generator) -> list[_Burst | None]:
    """One burst or none for each frame; no burst crosses a cut of 7:2:1 in time."""
    moments: list[_Burst | None] = [None] * frames
    parts = np.split(np.arange(frames), [frames * 7 // 10, frames * 9 // 10])
    slots = [s for p in parts for s in np.array_split(p, max(2, len(p) // SLOT_FRAMES))]
    for number, slot in enumerate(slots, 1):
        active = max(1, len(slot) // 2)
        first = slot[-1] + 1 - active - rng.integers(max(1, len(slot) - active))
        strength = rng.uniform(0.7, 1.3)
        for i in range(active):
            age = (i + 0.5) / active
            share = strength * age**0.5 * (1 - age) ** 0.8  # grows fast, decays slowly
            moments[first + i] = _Burst(number, age, share)
    scale = SPLASH_SHARE * frames / sum(b.share for b in moments if b)
    return [b and replace(b, share=b.share * scale) for b in moments]


def _make_pond(height: int, width: int, seed: int) -> _Pond:
    rng = _rng(seed, 2)
    v = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    u = (np.arange(width, dtype=np.float32) + 0.5) / width
    z = FOCAL[1] * CAMERA_HEIGHT / np.maximum(v - HORIZON, 0.5 / height)
    x, z = np.broadcast_arrays((u - 0.5) * z / FOCAL[0], z)
    k = 2 * np.pi * np.fft.fftfreq(TILE, TILE_METRES / TILE)
    kx, kz = np.meshgrid(k, k)
    k = np.maximum(np.hypot(kx, kz), k[1])
    wind = ((0.8 * kx + 0.6 * kz) / k) ** 2  # crests across the wind
    sea = _noise(rng, (0.25 + wind) * np.exp(-((0.07 * k) ** 2)) / (k**1.75 + 3))
    slopes = np.stack([sea - np.roll(sea, 1, axis) for axis in (1, 0)], -1)
    froth = _noise(rng, k**-1.2)
    scenery = _scenery(height, width, rng)
    return _Pond(seed, x, z, 0.13 * slopes / slopes.std(), froth, scenery)


def _noise(rng: np.random.Generator, amplitude: np.ndarray) -> np.ndarray:
    """Seamless (T, T) noise, zero mean and unit deviation, of this spectrum."""
    spectrum = np.fft.fft2(rng.standard_normal(amplitude.shape)) * amplitude
    spectrum[0, 0] = 0
    tile = np.fft.ifft2(spectrum).real
    return (tile / tile.std()).astype(np.float32)


def _sample(tile: np.ndarray, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Read a tile at metres on the water plane."""
    columns, rows = ((m * TILE / TILE_METRES % TILE).astype(np.float32) for m in (x, z))
    wrap = cv2.BORDER_WRAP
    return cv2.remap(tile, columns, rows, cv2.INTER_LINEAR, borderMode=wrap)


def _scenery(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    layer = np.zeros((height * SUPERSAMPLE, width * SUPERSAMPLE, 4), np.float32)
    _draw_shore(layer[: round(HORIZON * len(layer))], rng)
    for x, z in PENS:
        for bars in PEN_BARS:
            _draw_bars(layer, x, z, *bars)
    for x, z in BUOYS:
        _draw_bars(layer, x, z, *BUOY_BAR)
    return cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA)


def _draw_shore(layer: np.ndarray, rng: np.random.Generator) -> None:
    """Sky and two ranges of hills, down to the horizon."""
    v, u = (np.linspace(0, 1, n) for n in layer.shape[:2])
    layer[..., :3] = ZENITH + (HAZE - ZENITH) * v[:, None, None] ** 0.7
    layer[..., 3] = 1
    octaves = np.array([[0.8], [1.7], [3.1], [7.3], [13.0], [29.0]])
    for height, colour in HILLS:
        phases = rng.uniform(0, 2 * np.pi, octaves.shape)
        ridge = (np.sin(2 * np.pi * octaves * u + phases) / octaves).sum(0)
        top = 1 - height / HORIZON * (0.55 + 0.28 * ridge).clip(0.05)
        layer[v[:, None] > top, :3] = colour


def _draw_bars(layer, x, z, start, end, count, slant, colour, metres, alpha) -> None:
    """Draw bars around an axis at (x, z), as thick as their distance makes them."""
    H, W = layer.shape[:2]
    premultiplied = [alpha * channel for channel in colour]
    for bar in range(count):
        ends, width = [], 1
        for (radii, up), turn in ((start, bar), (end, bar + slant)):
            angle = 2 * math.pi * turn / count
            ahead = z + radii * PEN_RADIUS * math.sin(angle)
            u = 0.5 + FOCAL[0] * (x + radii * PEN_RADIUS * math.cos(angle)) / ahead
            v = HORIZON + FOCAL[1] * (CAMERA_HEIGHT - up) / ahead
            ends.append((round(u * W), round(v * H)))
            width = max(1, round(metres * FOCAL[1] * H / ahead))
        cv2.line(layer, ends[0], ends[1], (*premultiplied, alpha), width)


def _pen_distance(pond: _Pond, height: float) -> np.ndarray:
    """(H, W) distance from the pen's axis in radii, on a plane ``height`` m up."""
    nearer = 1 - height / CAMERA_HEIGHT
    return np.hypot(pond.x * nearer, pond.z * nearer - PEN_Z) / PEN_RADIUS


def _slopes(pond: _Pond, t: int) -> np.ndarray:
    """(H, W, 2) slopes of the water in frame t: seas across each other, in gusts."""
    # Waves shorter than the footprint of a pixel average out with distance.
    footprint = pond.z**2 / (FOCAL[1] * CAMERA_HEIGHT * len(pond.z))
    slopes = np.zeros((*pond.x.shape, 2), np.float32)
    for length, vx, vz, weight in WAVES:
        sea = _sample(pond.slopes, pond.x / length - vx * t, pond.z / length - vz * t)
        slopes += weight * sea / (1 + footprint / length)[..., None]
    gust = 1 + 0.35 * _sample(pond.froth, pond.x / 9 - 0.05 * t, pond.z / 9)
    return slopes * gust.clip(0.3)[..., None]


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)


def _water(pond: _Pond, index: int, azimuth: float, strength: float) -> np.ndarray:
    """Deep water, the sky in it (Schlick's Fresnel) and sun glare (Blinn's lobe)."""
    slopes, one = _slopes(pond, index), np.ones_like(pond.x)
    normal = _unit(np.stack([-slopes[..., 0], one, -slopes[..., 1]], -1))
    view = _unit(np.stack([-pond.x, CAMERA_HEIGHT * one, -pond.z], -1))
    cosine = (normal * view).sum(-1, keepdims=True).clip(0.02, 1)
    fresnel = 0.02 + 0.98 * (1 - cosine) ** 5
    upward = (2 * cosine * normal[..., 1:2] - view[..., 1:2]).clip(0, 1)
    sky = 0.9 * (HAZE + (ZENITH - HAZE) * np.sqrt(upward))
    deep = DEEP * (1 + 1.6 * slopes[..., 1:].clip(-0.3, 0.6))
    deep *= np.where(_pen_distance(pond, 0.0) < 1, 0.8, 1)[..., None]  # over the net
    sun = np.array([0.8 * np.sin(azimuth), 0.58, 0.8 * np.cos(azimuth)], np.float32)
    mirrored = (normal * _unit(view + sun)).sum(-1, keepdims=True).clip(0, 1)
    return deep + (sky - deep) * fresnel + strength * mirrored**700 * SUNLIGHT


def _foam_field(pond: _Pond, burst: _Burst) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) how readily foam covers a pixel, and (H, W) the texture of the foam.

    A burst boils up in a few round patches, which spread and fray as it gets older.
    """
    rng = _rng(pond.seed, 3, burst.number)
    x = PEN_RADIUS * rng.uniform(-0.5, 0.5)
    z = PEN_Z + PEN_RADIUS * rng.uniform(-0.75, 0.35)
    # A disc of this radius on the water fills 6 % of the frame.
    radius = np.sqrt(0.06 * z**3 / (np.pi * FOCAL[0] * FOCAL[1] * CAMERA_HEIGHT))
    patches = np.full_like(pond.x, -np.inf)
    for dx, dz in rng.normal(0, 0.6 * radius, (8, 2)):
        reach = radius * rng.uniform(0.2, 0.7) * (0.7 + 0.6 * burst.age)
        distance = np.hypot(pond.x - x - dx, pond.z - z - dz)
        patches = np.maximum(patches, 1 - distance / reach)
    noise = []
    for scale in (0.5, 1.0, 2.2):  # drifting against each other, so that it churns
        dx, dz = rng.uniform(0, TILE_METRES, 2) + burst.age * rng.normal(0, 1, 2)
        noise.append(_sample(pond.froth, pond.x * scale + dx, pond.z * scale + dz))
    coarse, medium, fine = noise
    lace = (0.25 + 0.3 * burst.age) * (1 - np.abs(medium)) - 0.25 * np.abs(fine)
    field = (1.25 - 0.5 * burst.age) * patches + 0.35 * coarse + lace
    return field, 0.5 * coarse + 0.8 * medium + 0.4 * fine


def _spray(field: np.ndarray, burst: _Burst, rng: np.random.Generator) -> None:
    """Throw droplets up from the middle of the foam: peaks in the field."""
    peak, core = float(field.max()), np.quantile(field, 1 - burst.share)
    pixels = rng.permutation(np.argwhere(field > core))
    for v, u in pixels[: round((1 - burst.age) * min(90, len(pixels) / 8))]:
        up, side = rng.exponential(0.05) * v, rng.normal(0, 0.025) * v
        radius = int(rng.exponential(0.4) * v / 128)
        cv2.circle(field, (int(u + side), int(v - up)), radius, peak, -1)


def _add_foam(image: np.ndarray, pond: _Pond, index: int, burst: _Burst) -> np.ndarray:
    """Draw the foam into the image; (H, W) bool where.

    Foam covers the highest points of a field, so that its area is exact, and it is not
    blended out at its edge, so that the label is just what is drawn.
    """
    field, texture = _foam_field(pond, burst)
    # From the camera the near rail hides water inside the pipe.
    rim = np.maximum(_pen_distance(pond, 0.0), _pen_distance(pond, RAIL + 0.1))
    field = cv2.GaussianBlur(field - 6 * (rim - 0.75).clip(0), (0, 0), 0.6)
    _spray(field, burst, _rng(pond.seed, 4, index))
    field[rim > 0.97] = -np.inf
    count = max(1, round(burst.share * field.size))
    level = np.partition(field.ravel(), -count)[-count]
    foam = field >= level
    depth = ((field - level) / 0.8).clip(0, 1)
    relief = texture - np.roll(texture, max(1, len(field) // 64), 0)
    tone = (0.45 + 0.35 * depth + 0.3 * relief + 0.12 * texture).clip(0, 1)[foam, None]
    alpha = 0.5 + 0.5 * np.sqrt(depth[foam, None]) - 0.15 * burst.age
    colour = FOAM_SHADE + (FOAM - FOAM_SHADE) * tone
    image[foam] += (colour - image[foam]) * alpha
    return foam


def _draw_frame(
    pond: _Pond, index: int, day: float, burst: _Burst | None
) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 frame and (H, W) bool foam; ``day`` in [0, 1) turns the light."""
    sun, cloud, haze = 2 * np.pi * (day + _rng(pond.seed, 5).uniform(size=3))
    image = _water(pond, index, 0.45 * np.sin(sun), 1 + 0.6 * np.sin(3 * cloud))
    foam = np.zeros(pond.x.shape, bool)
    if burst:
        foam = _add_foam(image, pond, index, burst)
    image = image * (1 - pond.scenery[..., 3:]) + pond.scenery[..., :3]
    warmth = np.array([0.04, 0, -0.04]) * np.sin(haze + 1)
    exposed = image * (1 + 0.18 * np.sin(haze)) * (1 + warmth)
    noise = _rng(pond.seed, 6, index).normal(0, 0.011, image.shape)
    shown = exposed.clip(0, 1) ** (1 / 2.2) + noise
    return np.rint(255 * shown.clip(0, 1)).astype(np.uint8), foam

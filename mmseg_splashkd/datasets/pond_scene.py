"""What the camera over a net pen sees: sky, hills, waves, glare, pipes, foam.

Everything lies on the water plane (x metres to the right, z metres ahead) and is
projected, so that waves, glare and foam share one perspective at any image size.
Colours are linear light until the camera's curve.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

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
class Pond:
    """What stays the same through the video; H, W pixels, T tile samples."""

    seed: int
    x: np.ndarray  # (H, W) metres to the right on the water plane
    z: np.ndarray  # (H, W) metres ahead
    slopes: np.ndarray  # (T, T, 2) tile of wave slopes along x and z
    froth: np.ndarray  # (T, T) tile of noise: the texture of foam and of the wind
    scenery: np.ndarray  # (H, W, 4) sky, hills and pens; colour times alpha, alpha


@dataclass(frozen=True)
class Burst:
    """One feeding splash at one moment."""

    number: int
    age: float  # 0 it starts, 1 it is gone
    share: float  # of the pixels of the frame


def stream_of(*stream: int) -> np.random.Generator:
    """Random numbers for one use, whatever other uses draw."""
    return np.random.default_rng(stream)


def make_pond(height: int, width: int, seed: int) -> Pond:
    """The pond of a seed, as a camera of ``height`` x ``width`` pixels sees it."""
    rng = stream_of(seed, 2)
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
    return Pond(seed, x, z, 0.13 * slopes / slopes.std(), froth, scenery)


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


def _pen_distance(pond: Pond, height: float) -> np.ndarray:
    """(H, W) distance from the pen's axis in radii, on a plane ``height`` m up."""
    nearer = 1 - height / CAMERA_HEIGHT
    return np.hypot(pond.x * nearer, pond.z * nearer - PEN_Z) / PEN_RADIUS


def _slopes(pond: Pond, t: int) -> np.ndarray:
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


def _water(pond: Pond, index: int, azimuth: float, strength: float) -> np.ndarray:
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


def _foam_field(pond: Pond, burst: Burst) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) how readily foam covers a pixel, and (H, W) the texture of the foam.

    A burst boils up in a few round patches, which spread and fray as it gets older.
    """
    rng = stream_of(pond.seed, 3, burst.number)
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


def _spray(field: np.ndarray, burst: Burst, rng: np.random.Generator) -> None:
    """Throw droplets up from the middle of the foam: peaks in the field."""
    peak, core = float(field.max()), np.quantile(field, 1 - burst.share)
    pixels = rng.permutation(np.argwhere(field > core))
    for v, u in pixels[: round((1 - burst.age) * min(90, len(pixels) / 8))]:
        up, side = rng.exponential(0.05) * v, rng.normal(0, 0.025) * v
        radius = int(rng.exponential(0.4) * v / 128)
        cv2.circle(field, (int(u + side), int(v - up)), radius, peak, -1)


def _add_foam(image: np.ndarray, pond: Pond, index: int, burst: Burst) -> np.ndarray:
    """Draw the foam into the image; (H, W) bool where.

    Foam covers the highest points of a field, so that its area is exact, and it is not
    blended out at its edge, so that the label is just what is drawn.
    """
    field, texture = _foam_field(pond, burst)
    # From the camera the near rail hides water inside the pipe.
    rim = np.maximum(_pen_distance(pond, 0.0), _pen_distance(pond, RAIL + 0.1))
    field = cv2.GaussianBlur(field - 6 * (rim - 0.75).clip(0), (0, 0), 0.6)
    _spray(field, burst, stream_of(pond.seed, 4, index))
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


def draw_frame(
    pond: Pond, index: int, day: float, burst: Burst | None
) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 frame and (H, W) bool foam; ``day`` in [0, 1) turns the light."""
    sun, cloud, haze = 2 * np.pi * (day + stream_of(pond.seed, 5).uniform(size=3))
    image = _water(pond, index, 0.45 * np.sin(sun), 1 + 0.6 * np.sin(3 * cloud))
    foam = np.zeros(pond.x.shape, bool)
    if burst:
        foam = _add_foam(image, pond, index, burst)
    image = image * (1 - pond.scenery[..., 3:]) + pond.scenery[..., :3]
    warmth = np.array([0.04, 0, -0.04]) * np.sin(haze + 1)
    exposed = image * (1 + 0.18 * np.sin(haze)) * (1 + warmth)
    noise = stream_of(pond.seed, 6, index).normal(0, 0.011, image.shape)
    shown = exposed.clip(0, 1) ** (1 / 2.2) + noise
    return np.rint(255 * shown.clip(0, 1)).astype(np.uint8), foam

"""Renders the view of a camera over a net pen: sky, water, pens, foam and rain.

The scene is defined on the water plane (x metres to the right, z metres ahead) and
projected, so that waves, glare and foam have the same perspective at any image size.
Colours are linear up to the gamma curve of the camera.
"""

import math
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.synthetic.farms import (
    BUOY_BAR,
    FARMS,
    METAL,
    Bars,
    Colour,
    Farm,
)
from mmseg_splashkd.datasets.synthetic.weather import (
    WEATHERS,
    Weather,
    add_mist,
    add_streaks,
    lamp_glitter,
    lamp_glow,
    lamp_pools,
    ring_tile,
)

TILE, TILE_METRES = 256, 14.0  # seamless noise tile on the water plane
# Three superposed wave systems: length scale, drift per frame (x, z), weight. The drift
# is slower than real waves, so that consecutive frames show the same waves.
WAVES = ((1.0, 0.36, 0.22, 0.8), (0.73, -0.14, 0.32, 0.8), (3.3, 0.18, 0.11, 0.7))
SUPERSAMPLE = 4  # of the scenery, as it is drawn without anti-aliasing
BULB = 0.35  # metres, radius
PEN_EDGE = 0.97  # limit of splash, in pen radii


@dataclass(frozen=True)
class Pond:
    """The constant part of a video; H, W pixels, T tile samples."""

    seed: int
    farm: Farm
    weather: Weather
    x: np.ndarray  # (H, W) metres to the right on the water plane
    z: np.ndarray  # (H, W) metres ahead
    slopes: np.ndarray  # (T, T, 2) tile of wave slopes along x and z
    froth: np.ndarray  # (T, T) noise tile: texture of foam, and gusts
    rings: np.ndarray  # (T, T, 2) tile of slopes of ring waves of rain; else 0
    scenery: np.ndarray  # (H, W, 4) sky, hills and pens; premultiplied RGB, alpha
    light: np.ndarray  # (H, W, 3) light on the water plane; 1 on a clear day
    glow: np.ndarray  # (H, W, 3) glow of lamps, added to the scene


@dataclass(frozen=True)
class SplashEvent:
    """A splash event in one frame.

    Args:
        number: Number of the event, from 1.
        age: Phase of the event, 0 at its start and 1 at its end.
        share: Share of the frame's pixels that are foam, in [0, 1].
    """

    number: int
    age: float
    share: float


def stream_of(*stream: int) -> np.random.Generator:
    """Independent random generator for one purpose, identified by integers."""
    return np.random.default_rng(stream)


def make_pond(
    height: int,
    width: int,
    seed: int,
    farm: Farm = FARMS["A"],
    weather: Weather = WEATHERS["clear"],
) -> Pond:
    """Make the constant part of a video.

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        seed: Seed of waves, hills, light and noise, at least 0.
        farm: Appearance of the farm.
        weather: Weather and time of day.
    """
    rng = stream_of(seed, 2)
    x, z = _water_plane(height, width, farm)
    k = 2 * np.pi * np.fft.fftfreq(TILE, TILE_METRES / TILE)
    kx, kz = np.meshgrid(k, k)
    k = np.maximum(np.hypot(kx, kz), k[1])
    wind = ((0.8 * kx + 0.6 * kz) / k) ** 2  # crests perpendicular to the wind
    sea = _noise(rng, (0.25 + wind) * np.exp(-((0.07 * k) ** 2)) / (k**1.75 + 3))
    slopes = np.stack([sea - np.roll(sea, 1, axis) for axis in (1, 0)], -1)
    slopes = farm.chop * slopes / slopes.std()
    froth = _noise(rng, k**-1.2)
    rings = np.zeros_like(slopes)
    if weather.rain:  # they take a third of the time of all the rest
        rings = ring_tile(TILE, TILE_METRES, stream_of(seed, 7))
    scenery = _scenery(height, width, farm, weather, rng)
    light, glow = _lighting(x, z, farm, weather)
    scenery[..., :3] *= light
    return Pond(seed, farm, weather, x, z, slopes, froth, rings, scenery, light, glow)


def _rgb(colour: Colour) -> np.ndarray:
    return np.array(colour, np.float32)


def _water_plane(height: int, width: int, farm: Farm) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) metres to the right and ahead; very large above the horizon."""
    v = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    u = (np.arange(width, dtype=np.float32) + 0.5) / width
    below = np.maximum(v - farm.horizon, 0.5 / height)
    z = farm.focal[1] * farm.camera_height / below
    x, z = np.broadcast_arrays((u - 0.5) * z / farm.focal[0], z)
    return x, z


def _project(farm: Farm, x: float, up: float, z: float) -> tuple[float, float]:
    """Column and row of a point in metres, in image widths and heights."""
    u = 0.5 + farm.focal[0] * x / z
    return u, farm.horizon + farm.focal[1] * (farm.camera_height - up) / z


def _lighting(
    x: np.ndarray, z: np.ndarray, farm: Farm, weather: Weather
) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) light on the water plane, and (H, W, 3) glow of the lamps."""
    H, W = x.shape
    light = np.broadcast_to(_rgb(weather.daylight), (H, W, 3))
    if not weather.lamps:
        return light, np.zeros((H, W, 3), np.float32)
    spots = []
    for lamp in farm.lamps:
        u, v = _project(farm, *lamp)
        spots.append((v * H, u * W, max(1.0, BULB * farm.focal[1] * H / lamp[2])))
    light = light + lamp_pools(x, z, farm.lamps)
    return light, lamp_glow((H, W), spots, weather.mist)


def _noise(rng: np.random.Generator, amplitude: np.ndarray) -> np.ndarray:
    """Seamless (T, T) noise with this spectrum, zero mean and unit deviation."""
    spectrum = np.fft.fft2(rng.standard_normal(amplitude.shape)) * amplitude
    spectrum[0, 0] = 0
    tile = np.fft.ifft2(spectrum).real
    return (tile / tile.std()).astype(np.float32)


def _sample(tile: np.ndarray, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Sample a tile at positions in metres on the water plane."""
    columns, rows = ((m * TILE / TILE_METRES % TILE).astype(np.float32) for m in (x, z))
    wrap = cv2.BORDER_WRAP
    return cv2.remap(tile, columns, rows, cv2.INTER_LINEAR, borderMode=wrap)


def _scenery(
    height: int, width: int, farm: Farm, weather: Weather, rng: np.random.Generator
) -> np.ndarray:
    layer = np.zeros((height * SUPERSAMPLE, width * SUPERSAMPLE, 4), np.float32)
    shore = layer[: round(farm.horizon * len(layer))]
    _draw_shore(shore, farm, weather, rng)
    for x, z in farm.pens:
        for bars in farm.pen_bars:
            _draw_bars(layer, farm, x, z, bars)
    for x, z in farm.buoys:
        _draw_bars(layer, farm, x, z, BUOY_BAR)
    for x, up, z in farm.lamps if weather.lamps else ():
        post = Bars((0.0, 0.2), (0.0, up), 1, 0, METAL, 0.12, 1.0)
        _draw_bars(layer, farm, x, z, post)
    return cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA)


def _draw_shore(
    layer: np.ndarray, farm: Farm, weather: Weather, rng: np.random.Generator
) -> None:
    """Sky and two ranges of hills, down to the horizon."""
    v, u = (np.linspace(0, 1, n) for n in layer.shape[:2])
    zenith, haze = weather.over(_rgb(farm.zenith)), weather.over(_rgb(farm.haze))
    layer[..., :3] = zenith + (haze - zenith) * v[:, None, None] ** 0.7
    layer[..., 3] = 1
    octaves = np.array([[0.8], [1.7], [3.1], [7.3], [13.0], [29.0]])
    for height, colour in farm.hills:
        phases = rng.uniform(0, 2 * np.pi, octaves.shape)
        ridge = (np.sin(2 * np.pi * octaves * u + phases) / octaves).sum(0)
        top = 1 - height / farm.horizon * (0.55 + 0.28 * ridge).clip(0.05)
        layer[v[:, None] > top, :3] = colour


def _draw_bars(layer: np.ndarray, farm: Farm, x: float, z: float, bars: Bars) -> None:
    """Draw bars around an axis at (x, z), with perspective thickness."""
    H, W = layer.shape[:2]
    premultiplied = [bars.alpha * channel for channel in bars.colour]
    for bar in range(bars.count):
        ends, width = [], 1
        for (radii, up), turn in ((bars.start, bar), (bars.end, bar + bars.slant)):
            angle = 2 * math.pi * turn / bars.count
            right, forward = math.cos(angle), math.sin(angle)
            if farm.square:
                side = max(abs(right), abs(forward))
                right, forward = right / side, forward / side
            ahead = z + radii * farm.pen_radius * forward
            u, v = _project(farm, x + radii * farm.pen_radius * right, up, ahead)
            ends.append((round(u * W), round(v * H)))
            width = max(1, round(bars.metres * farm.focal[1] * H / ahead))
        cv2.line(layer, ends[0], ends[1], (*premultiplied, bars.alpha), width)


def _pen_distance(pond: Pond, height: float) -> np.ndarray:
    """(H, W) distance from the pen's axis in radii, on a plane ``height`` m up."""
    farm, nearer = pond.farm, 1 - height / pond.farm.camera_height
    right, forward = pond.x * nearer, pond.z * nearer - farm.pen_ahead
    if farm.square:
        return np.maximum(abs(right), abs(forward)) / farm.pen_radius
    return np.hypot(right, forward) / farm.pen_radius


def _rim(pond: Pond) -> np.ndarray:
    """(H, W) 0 at the centre of the monitored pen, 1 at its visible edge."""
    rail = pond.farm.rail + 0.1
    return np.maximum(_pen_distance(pond, 0.0), _pen_distance(pond, rail))


def splash_water(pond: Pond) -> np.ndarray:
    """(H, W) bool, pixels where splash is possible."""
    return _rim(pond) <= PEN_EDGE


def _slopes(pond: Pond, t: int) -> np.ndarray:
    """(H, W, 2) slopes of the water in frame t: superposed waves, gusts, rain."""
    farm = pond.farm
    # Waves shorter than the footprint of a pixel average out.
    footprint = pond.z**2 / (farm.focal[1] * farm.camera_height * len(pond.z))
    slopes = np.zeros((*pond.x.shape, 2), np.float32)
    for length, vx, vz, weight in WAVES:
        sea = _sample(pond.slopes, pond.x / length - vx * t, pond.z / length - vz * t)
        slopes += weight * sea / (1 + footprint / length)[..., None]
    gust = 1 + 0.35 * _sample(pond.froth, pond.x / 9 - 0.05 * t, pond.z / 9)
    slopes *= gust.clip(0.3)[..., None]
    if pond.weather.rain:
        dx, dz = stream_of(pond.seed, 8, t).uniform(0, TILE_METRES, 2)
        rings = _sample(pond.rings, pond.x + dx, pond.z + dz)
        slopes += rings / (1 + footprint / 0.3)[..., None]
    return slopes


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)


def _water(pond: Pond, index: int, azimuth: float, strength: float) -> np.ndarray:
    """Deep water, reflected sky (Schlick's Fresnel) and glare (Blinn's model)."""
    farm, weather = pond.farm, pond.weather
    slopes, one = _slopes(pond, index), np.ones_like(pond.x)
    normal = _unit(np.stack([-slopes[..., 0], one, -slopes[..., 1]], -1))
    view = _unit(np.stack([-pond.x, farm.camera_height * one, -pond.z], -1))
    cosine = (normal * view).sum(-1, keepdims=True).clip(0.02, 1)
    fresnel = 0.02 + 0.98 * (1 - cosine) ** 5
    upward = (2 * cosine * normal[..., 1:2] - view[..., 1:2]).clip(0, 1)
    zenith, haze = weather.over(_rgb(farm.zenith)), weather.over(_rgb(farm.haze))
    sky = 0.9 * (haze + (zenith - haze) * np.sqrt(upward)) * _rgb(weather.daylight)
    deep = _rgb(farm.deep) * (1 + 1.6 * slopes[..., 1:].clip(-0.3, 0.6)) * pond.light
    over_net = _pen_distance(pond, 0.0) < 1
    deep *= np.where(over_net, 0.8, 1)[..., None]
    turn, across, up = farm.sun
    azimuth += turn
    sun = _rgb((across * np.sin(azimuth), up, across * np.cos(azimuth)))
    mirrored = (normal * _unit(view + sun)).sum(-1, keepdims=True).clip(0, 1)
    glare = weather.sun * strength * mirrored**700 * _rgb(farm.sunlight)
    if weather.lamps:
        point = np.stack([pond.x, 0 * one, pond.z], -1)
        glare += lamp_glitter(point, normal, view, farm.lamps)
    return deep + (sky - deep) * fresnel + glare


def _foam_field(pond: Pond, event: SplashEvent) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) foam field, high where foam appears first, and (H, W) foam texture.

    Foam starts as a few round patches, which spread and break up with age.
    """
    rng = stream_of(pond.seed, 3, event.number)
    farm = pond.farm
    x = farm.pen_radius * rng.uniform(-0.5, 0.5)
    z = farm.pen_ahead + farm.pen_radius * rng.uniform(-0.75, 0.35)
    # A disc of this radius on the water covers 6 % of the frame.
    visible = np.pi * farm.focal[0] * farm.focal[1] * farm.camera_height
    radius = np.sqrt(0.06 * z**3 / visible)
    patches = np.full_like(pond.x, -np.inf)
    for dx, dz in rng.normal(0, 0.6 * radius, (8, 2)):
        reach = radius * rng.uniform(0.2, 0.7) * (0.7 + 0.6 * event.age)
        distance = np.hypot(pond.x - x - dx, pond.z - z - dz)
        patches = np.maximum(patches, 1 - distance / reach)
    noise = []
    for scale in (0.5, 1.0, 2.2):  # independent drift, so that the texture changes
        dx, dz = rng.uniform(0, TILE_METRES, 2) + event.age * rng.normal(0, 1, 2)
        noise.append(_sample(pond.froth, pond.x * scale + dx, pond.z * scale + dz))
    coarse, medium, fine = noise
    lace = (0.25 + 0.3 * event.age) * (1 - np.abs(medium)) - 0.25 * np.abs(fine)
    field = (1.25 - 0.5 * event.age) * patches + 0.35 * coarse + lace
    return field, 0.5 * coarse + 0.8 * medium + 0.4 * fine


def _spray(field: np.ndarray, event: SplashEvent, rng: np.random.Generator) -> None:
    """Add droplets above the centre of the foam, as peaks of the field."""
    peak, core = float(field.max()), np.quantile(field, 1 - event.share)
    pixels = rng.permutation(np.argwhere(field > core))
    for v, u in pixels[: round((1 - event.age) * min(90, len(pixels) / 8))]:
        up, side = rng.exponential(0.05) * v, rng.normal(0, 0.025) * v
        radius = int(rng.exponential(0.4) * v / 128)
        cv2.circle(field, (int(u + side), int(v - up)), radius, peak, -1)


def _add_foam(
    image: np.ndarray, pond: Pond, index: int, event: SplashEvent
) -> np.ndarray:
    """Draw foam into the image; return the foam pixels, (H, W) bool.

    Foam covers the highest points of the field, so that its area is exact. Its edge is
    not blended, so that the label is exactly the drawn pixels.
    """
    field, texture = _foam_field(pond, event)
    rim = _rim(pond)
    field = cv2.GaussianBlur(field - 6 * (rim - 0.75).clip(0), (0, 0), 0.6)
    _spray(field, event, stream_of(pond.seed, 4, index))
    field[rim > PEN_EDGE] = -np.inf
    count = max(1, round(event.share * field.size))
    level = np.partition(field.ravel(), -count)[-count]
    foam = field >= level
    depth = ((field - level) / 0.8).clip(0, 1)
    relief = texture - np.roll(texture, max(1, len(field) // 64), 0)
    tone = (0.45 + 0.35 * depth + 0.3 * relief + 0.12 * texture).clip(0, 1)[foam, None]
    alpha = 0.5 + 0.5 * np.sqrt(depth[foam, None]) - 0.15 * event.age
    shade, white = _rgb(pond.farm.foam_shade), _rgb(pond.farm.foam)
    colour = (shade + (white - shade) * tone) * pond.light[foam]
    image[foam] += (colour - image[foam]) * alpha
    return foam


def _add_air(image: np.ndarray, pond: Pond, index: int) -> np.ndarray:
    """Add mist, glow of lamps and rain between scene and camera."""
    farm, weather = pond.farm, pond.weather
    airlight = weather.over(_rgb(farm.haze)) * _rgb(weather.daylight)
    if weather.mist:
        image = add_mist(image, pond.z, weather.mist, airlight)
    image = image + pond.glow
    if weather.rain:
        lit = airlight + 0.5 * pond.light + 1.5 * pond.glow
        image = add_streaks(image, lit, stream_of(pond.seed, 9, index))
    return image


def _compress(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Compress (H, W, 3) uint8 pixels as JPEG and decode them."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def draw_frame(
    pond: Pond, index: int, day: float, event: SplashEvent | None
) -> tuple[np.ndarray, np.ndarray]:
    """Render one frame.

    Args:
        pond: The constant part of the video.
        index: Number of the frame, from 0.
        day: Position in the video, in [0, 1), which varies the light.
        event: Splash event in the frame; None for a calm frame.

    Returns:
        (H, W, 3) uint8 frame and (H, W) bool foam pixels.
    """
    sun, cloud, haze = 2 * np.pi * (day + stream_of(pond.seed, 5).uniform(size=3))
    image = _water(pond, index, 0.45 * np.sin(sun), 1 + 0.6 * np.sin(3 * cloud))
    foam = np.zeros(pond.x.shape, bool)
    if event:
        foam = _add_foam(image, pond, index, event)
    image = image * (1 - pond.scenery[..., 3:]) + pond.scenery[..., :3]
    image = _add_air(image, pond, index)
    warmth = np.array([0.04, 0, -0.04]) * np.sin(haze + 1)
    exposed = image * (1 + 0.18 * np.sin(haze)) * (1 + warmth)
    noise = stream_of(pond.seed, 6, index).normal(0, pond.weather.noise, image.shape)
    shown = exposed.clip(0, 1) ** (1 / 2.2) + noise
    pixels = np.rint(255 * shown.clip(0, 1)).astype(np.uint8)
    if pond.farm.jpeg_quality is not None:
        pixels = _compress(pixels, pond.farm.jpeg_quality)
    return pixels, foam

"""Weather and time of day: clouds, mist, rain, lamps and sensor noise."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mmseg_splashkd.datasets.synthetic.farms import Colour, Point

CLOUD = np.array([0.66, 0.69, 0.71], np.float32)  # linear colour of an overcast sky
MOONLIGHT = (0.012, 0.017, 0.030)  # relative to daylight
LAMP = np.array([1.0, 0.86, 0.60], np.float32)
FARTHEST = 350.0  # metres; largest distance for mist
RINGS, RING_METRES = 70, (0.15, 0.70)  # rings per tile, range of radii
# Rain near and far: drops per image, length in image heights, opacity.
STREAKS = ((60, 0.080, 0.30), (450, 0.030, 0.20))


@dataclass(frozen=True)
class Weather:
    """Weather, by day or by night."""

    cloud: float = 0.0  # opacity of the clouds, in [0, 1]
    sun: float = 1.0  # glare relative to a clear day
    mist: float = 0.0  # extinction in 1/m
    daylight: Colour = (1.0, 1.0, 1.0)  # relative to a clear day
    rain: bool = False
    lamps: bool = False
    noise: float = 0.011  # standard deviation of sensor noise; full scale is 1

    def over(self, colour: np.ndarray) -> np.ndarray:
        """Blend a sky colour with the clouds."""
        return colour + (CLOUD - colour) * np.float32(self.cloud)


WEATHERS = {
    "clear": Weather(),
    "rain": Weather(
        cloud=0.85, sun=0.02, mist=0.005, daylight=(0.58, 0.61, 0.64), rain=True
    ),
}


def weather_of(name: str, night: bool) -> Weather:
    """Weather by name.

    Args:
        name: A key of ``WEATHERS``.
        night: Whether it is night, with lamps on.
    """
    day = WEATHERS[name]
    if not night:
        return day
    red, green, blue = (d * m for d, m in zip(day.daylight, MOONLIGHT, strict=True))
    return replace(day, sun=0.0, daylight=(red, green, blue), lamps=True, noise=0.035)


def lamp_pools(x: np.ndarray, z: np.ndarray, lamps: tuple[Point, ...]) -> np.ndarray:
    """(H, W, 3) light of lamps on the water plane; R is 1 directly under a lamp."""
    pools = np.zeros_like(x)
    for lamp_x, up, lamp_z in lamps:
        distance = np.sqrt((x - lamp_x) ** 2 + up**2 + (z - lamp_z) ** 2)
        pools += (up / distance) ** 2.5  # inverse square law, and a soft lampshade
    return pools[..., None] * LAMP


def lamp_glitter(
    point: np.ndarray, normal: np.ndarray, view: np.ndarray, lamps: tuple[Point, ...]
) -> np.ndarray:
    """(H, W, 3) specular reflections of lamps on waves (Blinn's model).

    Args:
        point: (H, W, 3) positions (x, up, z) in metres.
        normal: (H, W, 3) unit normals.
        view: (H, W, 3) unit vectors towards the camera.
        lamps: Positions of the lamps.
    """
    glitter = np.zeros((*point.shape[:2], 1), np.float32)
    for lamp in lamps:
        ray = np.array(lamp, np.float32) - point
        distance = np.linalg.norm(ray, axis=-1, keepdims=True)
        half = view + ray / distance
        half /= np.linalg.norm(half, axis=-1, keepdims=True)
        mirrored = (normal * half).sum(-1, keepdims=True).clip(0, 1)
        glitter += 60 * mirrored**500 / (distance + 3) ** 2
    return glitter * LAMP


def lamp_glow(
    shape: tuple[int, int], spots: list[tuple[float, float, float]], mist: float
) -> np.ndarray:
    """(H, W, 3) light of bulbs and of their halos in lens and mist.

    Args:
        shape: (H, W) in pixels.
        spots: Row, column and radius of each bulb in pixels.
        mist: Extinction in 1/m.
    """
    rows, columns = np.indices(shape, np.float32)
    glow = np.zeros(shape, np.float32)
    for row, column, radius in spots:
        distance = np.hypot(rows - row, columns - column) / radius
        glow += 2 * np.exp(-(distance**2)) + (0.05 + 20 * mist) / (1 + distance**2)
    return glow[..., None] * LAMP


def ring_tile(samples: int, metres: float, rng: np.random.Generator) -> np.ndarray:
    """(T, T, 2) slopes of ring waves of rain drops on a seamless tile.

    Args:
        samples: Samples T per side.
        metres: Length of a side.
        rng: Random generator of positions and radii.
    """
    axis = metres * np.fft.fftfreq(samples)
    height = np.zeros((samples, samples), np.float32)
    for radius in rng.uniform(*RING_METRES, RINGS):
        dx, dz = rng.integers(samples, size=2)
        off = np.hypot(np.roll(axis, dx), np.roll(axis, dz)[:, None]) - radius
        # A wave packet at the ring; its amplitude falls with the radius.
        height += np.exp(-((off / 0.10) ** 2)) * np.cos(30 * off) / (radius + 0.3)
    slopes = [np.roll(height, -1, a) - np.roll(height, 1, a) for a in (1, 0)]
    tile = np.stack(slopes, -1)
    return 0.20 * tile / tile.std()


def add_mist(
    image: np.ndarray, metres: np.ndarray, mist: float, airlight: np.ndarray
) -> np.ndarray:
    """Attenuate an image by mist (Beer-Lambert law).

    Args:
        image: (H, W, 3) linear colours.
        metres: (H, W) distance to the camera.
        mist: Extinction in 1/m.
        airlight: (3,) colour of the mist.
    """
    clear = np.exp(-mist * np.minimum(metres, FARTHEST))[..., None]
    return image * clear + airlight * (1 - clear)


def add_streaks(
    image: np.ndarray, light: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw rain streaks.

    Args:
        image: (H, W, 3) linear colours.
        light: (H, W, 3) colour of the streaks.
        rng: Random generator of positions and lengths.
    """
    H, W = image.shape[:2]
    lean = rng.normal(0.12, 0.03)  # wind
    for drops, length, opacity in STREAKS:
        layer = np.zeros((H, W), np.uint8)
        for u, v, part in rng.uniform(size=(drops, 3)):
            fall = (0.4 + part) * length * H
            tail = (round(16 * u * W), round(16 * (1.2 * v - 0.1) * H))
            head = (tail[0] - round(16 * lean * fall), tail[1] + round(16 * fall))
            shade = round(255 * (0.35 + 0.65 * part))
            cv2.line(layer, tail, head, shade, 1, cv2.LINE_AA, 4)
        alpha = opacity / 255 * layer[..., None].astype(np.float32)
        image = image * (1 - alpha) + light * alpha
    return image

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest

from mmseg_splashkd.datasets.synthetic import pond_scene
from mmseg_splashkd.datasets.synthetic.farms import FARMS
from mmseg_splashkd.datasets.synthetic.pond_scene import Pond, draw_frame, make_pond
from mmseg_splashkd.datasets.synthetic.weather import (
    WEATHERS,
    add_mist,
    add_streaks,
    lamp_glitter,
    lamp_glow,
    lamp_pools,
    ring_tile,
    weather_of,
)
from tests.datasets.synthetic.drawn import gray

SIZE = (96, 128)
farms = pytest.mark.parametrize("farm", FARMS)


def pond_of(farm: str, weather: str = "clear", night: bool = False) -> Pond:
    return make_pond(*SIZE, 0, FARMS[farm], weather_of(weather, night))


def frame_of(pond: Pond, index: int = 3) -> np.ndarray:
    return draw_frame(pond, index, 0.1, None)[0]


# Pictures


@farms
def test_rain_lowers_contrast_and_colour(farm: str):
    clear, rain = pond_of(farm), pond_of(farm, "rain")
    for day in np.linspace(0, 1, 6, endpoint=False):
        dry, wet = (draw_frame(pond, 3, day, None)[0] for pond in (clear, rain))
        assert gray(wet).std() < 0.85 * gray(dry).std()
        assert np.ptp(wet[:20], -1).mean() < np.ptp(dry[:20], -1).mean()


def test_rain_streaks_differ_between_frames():
    rain = weather_of("rain", night=False)
    wet, dry = (
        make_pond(*SIZE, 0, FARMS["A"], replace(rain, rain=r)) for r in (True, False)
    )
    first, later = (
        abs(gray(frame_of(wet, i)) - gray(frame_of(dry, i)))[:10] > 4 for i in (3, 4)
    )
    for streaks in (first, later):
        assert 0.02 < streaks.mean() < 0.4
    assert (first & later).sum() < 0.5 * first.sum()


@farms
def test_rain_rings_the_water_only(farm: str):
    bare = replace(FARMS[farm], jpeg_quality=None)
    pond = make_pond(*SIZE, 0, bare, weather_of("rain", night=False))
    smooth = frame_of(replace(pond, rings=0 * pond.rings))
    rung = (frame_of(pond) != smooth).any(-1)
    assert rung[60:].mean() > 0.1
    assert not rung[: int(SIZE[0] * bare.horizon)].any()


@pytest.mark.parametrize(("weather", "night"), [*product(WEATHERS, (False, True))])
def test_rings_are_made_where_it_rains_only(weather: str, night: bool):
    pond = make_pond(48, 64, 0, weather=weather_of(weather, night))
    assert pond.rings.shape == pond.slopes.shape
    assert pond.rings.any() == (weather == "rain")


@farms
@pytest.mark.parametrize("weather", WEATHERS)
def test_night_is_dark(farm: str, weather: str):
    day, night = (frame_of(pond_of(farm, weather, hour)) for hour in (False, True))
    assert gray(night).mean() < 0.4 * gray(day).mean()


def test_night_is_noisy():
    """Smooth sky in two frames of the farm whose camera does not compress."""
    noise = []
    for night in (False, True):
        first, later = (frame_of(pond_of("A", night=night), i)[:5] for i in (3, 4))
        noise.append((later.astype(float) - first).std())
    assert noise[1] > 1.5 * noise[0]


@farms
def test_night_is_bright_only_near_lamps(farm: str):
    pond = pond_of(farm, night=True)
    frame = gray(frame_of(pond))
    red = pond.light[..., 0]
    near, far = red > np.quantile(red, 0.9), red < np.quantile(red, 0.5)
    assert frame[near].mean() > 1.5 * frame[far].mean()
    H, W = SIZE
    for x, up, z in FARMS[farm].lamps:
        u = 0.5 + FARMS[farm].focal[0] * x / z
        above = FARMS[farm].camera_height - up
        v = FARMS[farm].horizon + FARMS[farm].focal[1] * above / z
        assert 0 < u < 1
        row, column = int(v * H), int(u * W)
        assert frame[row - 1 : row + 2, column - 1 : column + 2].max() > 235


@farms
def test_lamps_glitter_on_the_water(farm: str, monkeypatch: pytest.MonkeyPatch):
    pond = pond_of(farm, night=True)
    frame = gray(frame_of(pond))
    dull = np.zeros((*SIZE, 3), np.float32)
    monkeypatch.setattr(pond_scene, "lamp_glitter", lambda *_: dull)
    glitter = frame - gray(frame_of(pond))
    assert 0.002 < (glitter > 40).mean() < 0.2


def test_every_combination_has_its_own_look():
    looks = [frame_of(pond_of(*c)) for c in product(FARMS, WEATHERS, (False, True))]
    assert len(looks) == 8
    for first, second in combinations(looks, 2):
        assert abs(gray(first) - gray(second)).mean() > 3


def test_clear_day_changes_nothing():
    clear = weather_of("clear", night=False)
    colour = np.array([0.1, 0.2, 0.3], np.float32)
    assert np.array_equal(clear.over(colour), colour)
    pond = pond_of("A")
    assert (pond.light == 1).all()
    assert not pond.glow.any()


def test_night_keeps_the_weather():
    rain = weather_of("rain", night=True)
    assert (rain.rain, rain.mist, rain.cloud) == (True, 0.005, 0.85)
    assert (rain.lamps, rain.sun) == (True, 0)
    clear = weather_of("clear", night=True)
    assert max(clear.daylight) < 0.05
    assert max(rain.daylight) < max(clear.daylight)


# Parts, by hand


def test_mist_follows_beer_and_lambert():
    image, air = np.full((1, 3, 3), 0.2), np.array([0.6, 0.7, 0.8])
    metres = np.array([[0.0, 100.0, 1e6]])
    misty = add_mist(image, metres, 0.01, air)
    for column, clear in enumerate((1.0, np.exp(-1.0), np.exp(-3.5))):
        assert misty[0, column] == pytest.approx(0.2 * clear + air * (1 - clear))


def test_pools_fall_off_from_the_foot_of_the_lamp():
    x, z = np.array([[0.0, 4.0, 0.0, 1000.0]]), np.array([[10.0, 10.0, 14.0, 10.0]])
    pools = lamp_pools(x, z, ((0.0, 4.0, 10.0),))[..., 0]
    assert pools[0] == pytest.approx([1, 2**-1.25, 2**-1.25, 0], abs=1e-5)
    two = lamp_pools(x, z, ((0.0, 4.0, 10.0), (0.0, 4.0, 10.0)))[..., 0]
    assert two == pytest.approx(2 * pools)


def test_flat_water_mirrors_a_lamp_where_angles_are_equal():
    height, lamp = 8.0, (0.0, 4.0, 30.0)
    z = np.linspace(5, 30, 501, dtype=np.float32)[:, None]
    point = np.stack([0 * z, 0 * z, z], -1)
    normal = np.broadcast_to(np.array([0, 1, 0], np.float32), point.shape)
    view = np.array([0, height, 0], np.float32) - point
    view /= np.linalg.norm(view, axis=-1, keepdims=True)
    glitter = lamp_glitter(point, normal, view, (lamp,))[:, 0, 0]
    mirror = 30.0 * height / (height + 4.0)
    assert z[glitter.argmax(), 0] == pytest.approx(mirror, abs=0.5)
    assert glitter[abs(z[:, 0] - mirror) > 6].max() < 0.05 * glitter.max()


def test_glow_is_round_and_wider_in_mist():
    glow = lamp_glow((41, 41), [(20.0, 20.0, 2.0)], mist=0.0)[..., 0]
    assert glow.argmax() == 20 * 41 + 20
    assert np.allclose(glow, glow.T)
    assert np.allclose(glow, glow[::-1, ::-1])
    misty = lamp_glow((41, 41), [(20.0, 20.0, 2.0)], mist=0.005)[..., 0]
    assert misty[20, 30] > 2 * glow[20, 30]


def test_rings_are_slopes_of_one_surface():
    tile = ring_tile(64, 3.5, np.random.default_rng(0))
    assert tile.shape == (64, 64, 2)
    assert tile.mean() == pytest.approx(0, abs=1e-6)
    along_x, along_z = (np.asarray(tile[..., i], float) for i in (0, 1))

    def difference(field: np.ndarray, axis: int) -> np.ndarray:
        return np.roll(field, -1, axis) - np.roll(field, 1, axis)

    # Second derivatives of a surface do not depend on the order.
    assert np.allclose(difference(along_x, 0), difference(along_z, 1), atol=1e-4)
    assert abs(difference(along_x, 0)).max() > 0.1


def test_streaks_are_upright_and_no_brighter_than_their_light():
    image, light = np.full((120, 160, 3), 0.1), np.full((120, 160, 3), 0.9)
    wet = add_streaks(image, light, np.random.default_rng(0))[..., 0] - 0.1
    assert wet.min() >= 0
    assert 0.02 < wet.max() <= 0.8
    assert 0.02 < (wet > 0.02).mean() < 0.5
    down, across = (abs(np.diff(wet, axis=axis)).mean() for axis in (0, 1))
    assert across > 2 * down

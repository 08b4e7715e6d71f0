from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.synthetic.farms import FARMS, Farm
from mmseg_splashkd.datasets.synthetic.pond_scene import (
    draw_frame,
    make_pond,
    splash_water,
)
from mmseg_splashkd.datasets.synthetic.weather import Weather
from tests.datasets.synthetic.drawn import draw_tiny, gray, read_pixels, read_rows

farms = pytest.mark.parametrize("farm", FARMS.values(), ids=FARMS)


def calm_frame(farm: Farm, **changes) -> np.ndarray:
    """A frame of 128 x 160 pixels without splash."""
    scene = make_pond(128, 160, 0, replace(farm, **changes))
    return draw_frame(scene, 3, 0.1, None)[0]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("farms")
    return {n: draw_tiny(folder / n, size=(64, 80), farm=n) for n in FARMS}


def test_farms_are_two_and_frozen():
    assert list(FARMS) == ["A", "B"]
    with pytest.raises(FrozenInstanceError):
        FARMS["A"].horizon = 0.5  # pyright: ignore[reportAttributeAccessIssue]


@farms
def test_monitored_pen_is_drawn_last_and_bars_reach_its_corners(farm: Farm):
    assert farm.pens[-1] == (0.0, farm.pen_ahead)
    distances = [z for _, z in farm.pens[:-1]]
    assert min(distances) >= farm.pen_ahead
    if farm.square:
        assert all(bars.count % 8 == 0 for bars in farm.pen_bars)


@farms
def test_camera_projects_the_water_plane(farm: Farm):
    """A pixel shows the intersection of its ray with the water (similar triangles)."""
    scene = make_pond(48, 64, 0, farm)
    for row, column in ((47, 0), (30, 40), (20, 63)):
        down = ((row + 0.5) / 48 - farm.horizon) / farm.focal[1]
        right = ((column + 0.5) / 64 - 0.5) / farm.focal[0]
        ahead = farm.camera_height / down
        assert scene.z[row, column] == pytest.approx(ahead, rel=1e-5)
        assert scene.x[row, column] == pytest.approx(right * ahead, rel=1e-5)


@farms
def test_splash_stays_inside_the_pen(farm: Farm):
    scene = make_pond(96, 128, 0, farm)
    water = splash_water(scene)
    x, z = scene.x[water], scene.z[water] - farm.pen_ahead
    reach = np.maximum(abs(x), abs(z)) if farm.square else np.hypot(x, z)
    assert 0.9 * farm.pen_radius < reach.max() <= 0.97 * farm.pen_radius
    assert 0.15 < water.mean() < 0.6


def test_water_of_b_is_greener_and_its_light_warmer(tables: dict[str, Path]):
    means = {}
    for name, table in tables.items():
        frames = np.stack(read_pixels(table, "frame")).astype(float)
        means[name] = frames[:, 32:].mean((0, 1, 2)), frames[:, :3].mean((0, 1, 2))
    (water_a, sky_a), (water_b, sky_b) = means["A"], means["B"]
    assert water_a[2] > water_a[0] + 20  # blue over red
    assert water_b[0] > water_b[2] + 8
    assert sky_a[2] > sky_a[0] + 5
    assert sky_b[0] > sky_b[2] + 20


@farms
def test_water_begins_at_the_horizon(farm: Farm):
    """Waves move from frame to frame, sky and hills do not."""
    bare = replace(farm, jpeg_quality=None)
    scene = make_pond(128, 160, 0, bare, Weather(noise=0.0))
    first, later = (draw_frame(scene, i, 0.1, None)[0] for i in (3, 9))
    moved = (first != later).any((1, 2))
    assert np.argmax(moved) == pytest.approx(128 * farm.horizon, abs=2)


def blockiness(frame: np.ndarray) -> float:
    """Steps across the edges of 8 x 8 blocks, against steps inside them."""
    steps = abs(np.diff(gray(frame), axis=1)).mean(0)
    edge = np.arange(len(steps)) % 8 == 7
    return steps[edge].mean() / steps[~edge].mean()


def test_frames_of_b_are_jpeg_compressed(tables: dict[str, Path]):
    assert FARMS["A"].jpeg_quality is None
    assert blockiness(calm_frame(FARMS["B"], jpeg_quality=None)) < 1.1
    assert blockiness(calm_frame(FARMS["B"])) > 1.2
    assert blockiness(calm_frame(FARMS["A"])) < 1.1
    for row in read_rows(tables["B"])[:3]:
        with Image.open(tables["B"].parent / row["frame"]) as frame:
            assert (frame.format, frame.mode, frame.size) == ("PNG", "RGB", (80, 64))


def test_lower_quality_is_farther_from_the_scene():
    bare = calm_frame(FARMS["B"], jpeg_quality=None)
    errors = [
        np.square(gray(calm_frame(FARMS["B"], jpeg_quality=q)) - gray(bare)).mean()
        for q in (90, 60, 20)
    ]
    assert 0 < errors[0] < errors[1] < errors[2]


@farms
def test_chop_is_the_slope_of_the_waves(farm: Farm):
    assert make_pond(48, 64, 0, farm).slopes.std() == pytest.approx(farm.chop, rel=1e-3)


def test_pens_differ_in_build():
    """The outline of the pen against the same water, by its dark and bright pixels."""
    round_pen = calm_frame(FARMS["A"], pens=())
    assert (round_pen != calm_frame(FARMS["A"])).any(-1).mean() > 0.05
    one = calm_frame(FARMS["B"], jpeg_quality=None, pens=FARMS["B"].pens[-1:])
    none = calm_frame(FARMS["B"], jpeg_quality=None, pens=())
    drawn = (one != none).any(-1)
    # The far side of a square pen is straight: it fills a row of the image.
    far = 128 * (0.06 + 0.96 * 13.0 / (24.0 + 9.0 * 1.07))
    assert drawn[round(far) - 3 : round(far) + 3, 50:110].mean(1).max() > 0.9

import inspect
import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.synthetic import pond_scene
from mmseg_splashkd.datasets.synthetic.farms import FARMS, Farm
from mmseg_splashkd.datasets.synthetic.video import VERSION, draw_pond
from mmseg_splashkd.datasets.synthetic.weather import weather_of
from tests.datasets.synthetic.drawn import (
    draw_tiny,
    gray,
    read_bytes,
    read_pixels,
    read_rows,
)
from tests.tools import run_tool

COLUMNS = ["recording", "timestamp", "frame", "label", "splash_share", "burst"]


@pytest.fixture(scope="module")
def pond(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Table of a small draw with every other argument at its default."""
    return draw_pond(tmp_path_factory.mktemp("pond"), size=(64, 80), progress=False)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Table of 60 small frames with every other argument at its default."""
    return draw_tiny(tmp_path_factory.mktemp("short"), frames=60)


def test_same_arguments_give_the_same_bytes(tmp_path: Path):
    first, second = draw_tiny(tmp_path / "a"), draw_tiny(tmp_path / "b")
    assert len(read_bytes(first.parent)) == 2 * 20 + 4
    assert read_bytes(first.parent) == read_bytes(second.parent)


def test_same_arguments_give_the_same_bytes_with_everything_on(tmp_path: Path):
    options = {"farm": "B", "weather": "rain", "night": True}
    options |= {"label_noise": 0.5, "unlabelled": 0.25}
    first, second = (draw_tiny(tmp_path / name, **options) for name in "ab")
    # Images; labels of 15; errors in 8 (Python rounds 7.5 to even); five tables.
    assert len(read_bytes(first.parent)) == 20 + 15 + 8 + 5
    assert read_bytes(first.parent) == read_bytes(second.parent)


def test_another_seed_gives_another_video(tmp_path: Path):
    first, second = (draw_tiny(tmp_path / str(s), seed=s) for s in (0, 1))
    for column in ("frame", "label"):
        pairs = zip(*(read_pixels(t, column) for t in (first, second)), strict=True)
        assert any((a != b).any() for a, b in pairs)
    assert not {r["timestamp"] for r in read_rows(first)} & {
        r["timestamp"] for r in read_rows(second)
    }


def test_table_lists_every_file_in_time_order(pond: Path):
    rows = read_rows(pond)
    assert pond.name == "frames.csv"
    assert list(rows[0]) == COLUMNS
    assert len(rows) >= 160
    stems = [row["timestamp"] for row in rows]
    assert all(re.fullmatch(r"\d{10}-\d{9}", stem) for stem in stems)
    assert all(a < b for a, b in pairwise(stems))
    assert [row["frame"] for row in rows] == [f"images/{stem}.png" for stem in stems]
    assert [row["label"] for row in rows] == [f"labels/{stem}.png" for stem in stems]
    assert {row["recording"] for row in rows} == {"pond"}
    listed = {row[column] for row in rows for column in ("frame", "label")}
    assert set(read_bytes(pond.parent)) == listed | {
        "frames.csv",
        "events.csv",
        "bursts.csv",
        "about.json",
    }


def test_frame_intervals_are_irregular(tmp_path: Path):
    table = draw_tiny(tmp_path, start=1_700_000_000, interval_seconds=5)
    stems = [row["timestamp"] for row in read_rows(table)]
    seconds = np.array([int(s[:10]) - 1_700_000_000 + int(s[11:]) / 1e9 for s in stems])
    late = seconds - 5 * np.arange(20)
    assert late.min() >= 0
    assert late.max() < 0.9
    assert len(np.unique(np.diff(seconds).round(3))) > 10


def test_files_are_rgb_and_gray_of_one_size(pond: Path):
    for row in read_rows(pond):
        with Image.open(pond.parent / row["frame"]) as frame:
            assert (frame.mode, frame.size) == ("RGB", (80, 64))
        with Image.open(pond.parent / row["label"]) as label:
            assert (label.mode, label.size) == ("L", (80, 64))
            assert set(np.unique(np.asarray(label))) <= {0, 255}


def test_table_agrees_with_the_labels(pond: Path):
    for row, label in zip(read_rows(pond), read_pixels(pond, "label"), strict=True):
        assert row["splash_share"] == f"{(label == 255).mean():.6f}"
        assert bool(row["burst"]) == bool((label == 255).any())


def check_amounts(table: Path) -> None:
    rows, labels = read_rows(table), np.stack(read_pixels(table, "label"))
    splash = labels == 255
    assert 0.01 <= splash.mean() <= 0.03
    assert (~splash.any((1, 2))).mean() >= 0.4
    first, second = round(0.7 * len(rows)), round(0.9 * len(rows))
    for part in (slice(first), slice(first, second), slice(second, None)):
        bursts = {
            r["burst"] for r, s in zip(rows[part], splash[part], strict=True) if s.any()
        }
        assert len(bursts) >= 2


def test_amounts_with_defaults(pond: Path):
    check_amounts(pond)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_amounts_with_other_seeds(tmp_path: Path, seed: int):
    check_amounts(draw_tiny(tmp_path, frames=160, seed=seed))


@pytest.mark.parametrize(
    ("frames", "size"),
    [
        (20, (48, 48)),
        (60, (96, 128)),
        pytest.param(40, (192, 256), marks=pytest.mark.slow),
        pytest.param(40, (256, 256), marks=pytest.mark.slow),
    ],
)
def test_amounts_with_other_sizes(tmp_path: Path, frames: int, size: tuple[int, int]):
    check_amounts(draw_tiny(tmp_path, frames=frames, size=size))


@pytest.mark.parametrize(
    "options",
    [
        {"farm": "B"},
        {"weather": "rain"},
        {"farm": "B", "weather": "rain", "night": True},
    ],
)
def test_amounts_do_not_depend_on_farm_and_weather(
    short: Path, tmp_path: Path, options: dict
):
    table = draw_tiny(tmp_path, frames=60, **options)
    check_amounts(table)
    columns = ("timestamp", "splash_share", "burst")
    for ours, theirs in zip(read_rows(table), read_rows(short), strict=True):
        assert [ours[c] for c in columns] == [theirs[c] for c in columns]


# Labels


@pytest.fixture(scope="module", params=["A", "B"])
def bare_farm(request: pytest.FixtureRequest) -> Farm:
    """A farm without JPEG blocks, which smear over the edges of foam."""
    return replace(FARMS[request.param], jpeg_quality=None)


@pytest.mark.parametrize("size", [(48, 48), (96, 128)])
@pytest.mark.parametrize("share", [0.004, 0.05])
@pytest.mark.parametrize("age", [0.1, 0.5, 0.9])
def test_label_is_exactly_where_foam_is_drawn(
    bare_farm: Farm, size: tuple[int, int], share: float, age: float
):
    scene = pond_scene.make_pond(*size, seed=0, farm=bare_farm)
    burst = pond_scene.SplashEvent(number=1, age=age, share=share)
    calm, nothing = pond_scene.draw_frame(scene, 7, 0.1, None)
    frame, foam = pond_scene.draw_frame(scene, 7, 0.1, burst)
    changed = (frame != calm).any(-1)
    assert not nothing.any()
    assert foam.sum() == round(share * foam.size)
    assert not changed[~foam].any()
    # Foam over a glint, both at the end of the scale, may hide.
    assert changed[foam].mean() > 0.99
    assert frame[foam].mean() > calm[foam].mean() + 60


@pytest.mark.parametrize(("weather", "night"), [("rain", False), ("rain", True)])
def test_foam_stands_out_in_any_weather(bare_farm: Farm, weather: str, night: bool):
    scene = pond_scene.make_pond(96, 128, 0, bare_farm, weather_of(weather, night))
    calm, _ = pond_scene.draw_frame(scene, 7, 0.1, None)
    for number in range(1, 6):
        burst = pond_scene.SplashEvent(number, age=0.5, share=0.04)
        frame, foam = pond_scene.draw_frame(scene, 7, 0.1, burst)
        assert not (frame != calm).any(-1)[~foam].any()
        assert gray(frame)[foam].mean() > gray(calm)[foam].mean() + 30


def test_arguments_about_labels_leave_frames_and_truth_alone(tmp_path: Path):
    plain = read_bytes(draw_tiny(tmp_path / "a").parent)
    other = read_bytes(
        draw_tiny(tmp_path / "b", label_noise=0.5, unlabelled=0.5).parent
    )
    images = {name for name in plain if name.startswith("images/")}
    assert len(images) == 20
    assert all(plain[name] == other[name] for name in {*images, "events.csv"})


@pytest.mark.parametrize(
    ("share", "count"), [(0.0, 0), (0.13, 3), (0.5, 10), (1.0, 20)]
)
def test_unlabelled_frames_have_no_label(tmp_path: Path, share: float, count: int):
    table = draw_tiny(tmp_path, unlabelled=share)
    rows = read_rows(table)
    bare = [row for row in rows if not row["label"]]
    assert len(bare) == count
    assert all(row["splash_share"] == "" for row in bare)
    assert all(row["splash_share"] for row in rows if row["label"])
    found = {n for n in read_bytes(tmp_path) if n.startswith("labels/")}
    assert found == {row["label"] for row in rows} - {""}
    assert all((table.parent / row["frame"]).is_file() for row in rows)


def test_the_seed_chooses_the_unlabelled_and_more_includes_fewer(tmp_path: Path):
    def bare(name: str, share: float, seed: int = 0) -> set[int]:
        table = draw_tiny(tmp_path / name, unlabelled=share, seed=seed)
        return {i for i, row in enumerate(read_rows(table)) if not row["label"]}

    few, many = bare("few", 0.3), bare("many", 0.6)
    assert few < many
    assert few != bare("other", 0.3, seed=1)


def test_about_json_reproduces_the_draw(tmp_path: Path):
    options = {"farm": "B", "weather": "rain", "night": True, "label_noise": 0.2}
    table = draw_tiny(tmp_path / "a", unlabelled=0.1, seed=9, **options)
    about = json.loads(table.with_name("about.json").read_text("utf-8"))
    assert about["version"] == VERSION
    defaults = inspect.signature(draw_pond).parameters
    assert set(about["arguments"]) == set(defaults) - {"out_dir", "progress"}
    again = draw_pond(tmp_path / "b", progress=False, **about["arguments"])
    assert read_bytes(again.parent) == read_bytes(table.parent)


# Light


def test_foam_stays_inside_the_pen_and_moves_with_the_event(pond: Path):
    scene = pond_scene.make_pond(64, 80, seed=0)
    centres = {}
    for row, label in zip(read_rows(pond), read_pixels(pond, "label"), strict=True):
        if row["burst"]:
            v, u = np.nonzero(label)
            assert np.hypot(scene.x[v, u], scene.z[v, u] - 21.5).max() < 12.6
            centres[row["burst"]] = (v.mean(), u.mean())
    apart = np.array([*centres.values()])
    distance = np.linalg.norm(apart[:, None] - apart, axis=-1)
    assert np.median(distance[np.triu_indices(len(apart), 1)]) > 8  # of 64 x 80


def test_splash_events_grow_and_decay(pond: Path):
    shares: dict[str, list[float]] = {}
    for row in read_rows(pond):
        shares.setdefault(row["burst"], []).append(float(row["splash_share"]))
    del shares[""]
    for burst in shares.values():
        peak = int(np.argmax(burst))
        assert 0 < peak < len(burst) - 1
        assert burst[-1] < burst[peak] / 1.5


def test_glare_without_foam_is_as_bright_as_foam(pond: Path):
    frames, labels = read_pixels(pond, "frame"), read_pixels(pond, "label")
    calm = [f[20:].min(-1) for f, x in zip(frames, labels, strict=True) if not x.any()]
    foam = np.concatenate(
        [f.min(-1)[x > 0] for f, x in zip(frames, labels, strict=True)]
    )
    glints = [(frame > np.median(foam)).sum() for frame in calm]
    assert max(glints) > 50
    assert min(glints) < 10  # and it comes and goes


def test_light_drifts_slowly(pond: Path):
    sky = np.array([frame[:3].mean() for frame in read_pixels(pond, "frame")])
    assert np.ptp(sky) > 10
    assert np.abs(np.diff(sky)).max() < 2


def test_every_frame_has_its_own_sensor_noise(pond: Path):
    sky = np.array([frame[:3] for frame in read_pixels(pond, "frame")], float)
    noise = np.diff(sky, axis=0).std((1, 2, 3))
    assert 2 < noise.min() < noise.max() < 8  # gray levels


def test_redraw_overwrites_its_own_files_only(tmp_path: Path):
    table = draw_tiny(tmp_path)
    before = read_bytes(tmp_path)
    table.write_text("spoilt")
    assert read_bytes(draw_tiny(tmp_path).parent) == before
    with pytest.raises(FileExistsError, match=r"images.*png: give a new or an empty"):
        draw_tiny(tmp_path, seed=1)
    with pytest.raises(FileExistsError, match=r"labels.*png: give a new or an empty"):
        draw_tiny(tmp_path, unlabelled=0.5)
    (tmp_path / "notes.txt").write_text("keep me")
    with pytest.raises(FileExistsError, match=r"such as notes\.txt"):
        draw_tiny(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "keep me"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frames": 19}, "frames=19: give at least 20"),
        ({"size": (47, 64)}, r"size=\(47, 64\): give at least 48"),
        ({"size": (64, 64, 3)}, r"size=\(64, 64, 3\): give \(height, width\)"),
        ({"seed": -1}, "seed=-1: give 0 or more"),
        ({"interval_seconds": 0}, "interval_seconds=0: give at least 1"),
        ({"start": 999_999_999}, "start=999999999: give 10 digits"),
        ({"start": 9_999_999_999}, "start=9999999999: give 10 digits, enough"),
        ({"farm": "C"}, r"farm='C': give one of \['A', 'B'\]"),
        ({"weather": "hail"}, r"weather='hail': give one of \['clear', 'rain'\]"),
        ({"label_noise": 1.1}, r"label_noise=1\.1: give a share in \[0, 1\]"),
        ({"label_noise": float("nan")}, "label_noise=nan: give a share"),
        ({"unlabelled": -0.1}, r"unlabelled=-0\.1: give a share in \[0, 1\]"),
    ],
)
def test_bad_arguments_are_named(tmp_path: Path, arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        draw_tiny(tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()


def draw(out_dir: Path, *options: str) -> None:
    size = ["--frames", "20", "--height", "48", "--width", "56", "--seed", "3"]
    run_tool("make_demo_data.py", out_dir, *size, *options)


def test_tool_draws_and_prints_counts(tmp_path: Path, monkeypatch, capsys):
    draw(tmp_path)
    printed = capsys.readouterr().out
    assert "20 frames of 48 x 56 pixels, 10 without splash; 6 splash ev" in printed
    assert "label" not in printed
    assert str(tmp_path / "frames.csv") in printed.replace("\n", "")


def test_tool_passes_its_options_on(tmp_path: Path, monkeypatch, capsys):
    options = ["--recording", "north", "--farm", "B", "--weather", "rain", "--night"]
    options += ["--label-noise", "0.5", "--unlabelled", "0.2"]
    draw(tmp_path / "a", *options)
    printed = capsys.readouterr().out
    assert "4 frames without a label\n8 labels with an error\n" in printed
    table = draw_tiny(
        tmp_path / "b",
        seed=3,
        recording="north",
        farm="B",
        weather="rain",
        night=True,
        label_noise=0.5,
        unlabelled=0.2,
    )
    assert read_bytes(table.parent) == read_bytes(tmp_path / "a")

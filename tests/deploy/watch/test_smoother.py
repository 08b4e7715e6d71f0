"""``tools/watch.py --smooth``: averages over time, beside a loop in float64."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_splashkd.datasets.timestamps import SECOND, format_timestamp
from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.predict.prediction import Prediction
from mmseg_splashkd.deploy.watch import read_rows
from mmseg_splashkd.deploy.watch.smoother import FADED, Smoother
from tests.deploy.predict.fakes import META, RedEngine, red_model, write
from tests.deploy.watch.helpers import START, contents, draw_folder, draw_video
from tests.deploy.watch.test_command import refused, told

TAU = 1.5
SIZE = (6, 10)
STEPS = [1, 1, 0.25, 4, 1, 0.5, 1, 90, 1, 1, 2]  # seconds between frames


def reds() -> list[np.ndarray]:
    """Red channels of noise; one more than there are steps."""
    random = np.random.default_rng(3)
    shape = (len(STEPS) + 1, *SIZE)
    return list(random.integers(0, 256, shape, np.uint8))


def draw(folder: Path, count: int | None = None) -> Path:
    time = 0.0
    for red, step in zip(reds()[:count], [0, *STEPS], strict=False):
        time += step
        rgb = np.zeros((*SIZE, 3), np.uint8)
        rgb[..., 0] = red
        name = format_timestamp(START * SECOND + round(time * SECOND))
        write(folder / f"{name}.png", rgb)
    return folder


def averages(tau: float) -> list[np.ndarray]:
    """Probability of splash of each frame, by the definition of the filter."""
    first, *others = [each.astype(np.float64) / 255 for each in reds()]
    found = [first]
    for new, step in zip(others, STEPS, strict=True):
        kept = math.exp(-step / tau)
        found.append(kept * found[-1] + (1 - kept) * new)
    return found


def watched(out: Path, *words: object) -> list[tuple[int, float | None]]:
    told(*words, "--out", out)
    return [(row.area, row.confidence) for row in read_rows(out / "rows.csv")]


def test_rows_are_of_averaged_probabilities(model, tmp_path):
    frames, out = draw(tmp_path / "frames"), tmp_path / "out"
    rows = watched(out, model, frames, "--smooth", TAU)
    for (area, sure), mean in zip(rows, averages(TAU), strict=True):
        mask = mean >= 0.5
        assert area == mask.sum()
        assert sure == pytest.approx(mean[mask].mean(), abs=1e-6)
    alone = watched(tmp_path / "alone", model, frames)
    assert rows[0] == alone[0]
    assert rows[8] == alone[8]  # 90 s after the frame before it
    assert sum(a == b for a, b in zip(rows, alone, strict=True)) == 2
    shown = (out / "index.html").read_text()
    assert "p is averaged over time, time constant 1.5 s" in shown


def test_a_short_time_constant_changes_nothing(model, tmp_path):
    frames = draw(tmp_path / "frames")
    assert watched(tmp_path / "a", model, frames) == watched(
        tmp_path / "b", model, frames, "--smooth", "1e-3"
    )


@pytest.mark.parametrize("count", range(1, len(STEPS) + 1))
def test_a_call_that_goes_on_writes_what_one_call_does(model, tmp_path, count):
    whole, grown = tmp_path / "whole", tmp_path / "grown"
    told(model, draw(tmp_path / "pond"), "--out", whole, "--smooth", TAU)
    frames = draw(tmp_path / "part" / "pond", count)
    told(model, frames, "--out", grown, "--smooth", TAU)
    draw(frames)
    told(model, frames, "--out", grown, "--smooth", TAU)
    rows = [(each / "rows.csv").read_bytes() for each in (whole, grown)]
    assert rows[0] == rows[1]


def test_a_video_goes_on_and_only_late_frames_are_predicted_again(
    model, tmp_path, monkeypatch
):
    video = draw_video(tmp_path / "a.mp4", [100 * n for n in range(40)])
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    words = [model, video, "--smooth", 0.02, "--min-seconds", 0]
    told(*words, "--out", whole)
    shutil.copytree(whole, cut)
    lines = (cut / "rows.csv").read_bytes().splitlines(keepends=True)
    (cut / "rows.csv").write_bytes(b"".join(lines[:-10]))  # 30 rows
    engine = RedEngine()
    monkeypatch.setattr(SplashModel, "load", lambda *_: SplashModel(engine))
    told(*words, "--out", cut)
    assert contents(cut) == contents(whole)
    # Of the last 40 x 0.02 s = 0.8 s before the 30th frame: it, and 8 before it.
    assert engine.frames == 10 + 9


def predicted(probabilities: np.ndarray) -> Prediction:
    classes, *size = probabilities.shape
    frame, labels = np.zeros((*size, 3), np.uint8), np.zeros(size, np.uint8)
    assert classes
    return Prediction("0", frame, labels, probabilities, red_model().coding)


def with_threshold(classes: tuple[str, ...], thresholds: dict[str, float]):
    meta = replace(META, classes=classes, thresholds=thresholds)
    return SplashModel(SimpleNamespace(meta=meta, name="none", run=None))  # pyright: ignore[reportArgumentType]


def test_averages_are_decided_by_the_operating_point():
    model = with_threshold(("water", "net", "splash"), {"splash": 0.3})
    smoother = Smoother(model, 1.0)
    first = np.array([[0.7, 0.2, 0.6], [0.2, 0.7, 0.3], [0.1, 0.1, 0.1]], np.float32)
    then = np.array([[0.4, 0.4, 0.1], [0.2, 0.3, 0.8], [0.4, 0.3, 0.1]], np.float32)
    smoother.add(0, predicted(first[:, None]))
    found = smoother.add(SECOND, predicted(then[:, None]))
    kept = math.exp(-1)
    mean = kept * first.astype(np.float64) + (1 - kept) * then
    np.testing.assert_allclose(found.probabilities[:, 0], mean, atol=1e-7)
    # Splash 0.290, 0.226, 0.1; water 0.510, 0.326, 0.284; net 0.200, 0.447, 0.616.
    assert found.labels.tolist() == [[0, 1, 1]]
    last = smoother.add(2 * SECOND, predicted(then[:, None]))
    assert last.labels.tolist() == [[2, 0, 1]]  # 0.359 of splash, 0.441 of water
    assert last.labels.dtype == np.uint8
    assert last.probabilities.dtype == np.float32


def test_a_frame_of_another_size_begins_a_new_average():
    smoother = Smoother(red_model(), 100.0)
    ones = np.ones((2, 2, 3), np.float32) / 2
    smoother.add(0, predicted(ones))
    other = np.stack([np.full((3, 3), 0.1), np.full((3, 3), 0.9)]).astype(np.float32)
    np.testing.assert_array_equal(
        smoother.add(SECOND, predicted(other)).probabilities, other
    )


def test_what_still_has_weight():
    smoother = Smoother(red_model(), 0.5)
    assert smoother.needs(0, FADED * SECOND // 2)
    assert not smoother.needs(0, FADED * SECOND // 2 + 1)


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        ("x", "--smooth 'x' is not a number of seconds"),
        ("0", "--smooth 0 must be seconds above 0: leave it out"),
        ("-1", "--smooth -1 must be seconds above 0"),
        ("nan", "--smooth nan must be seconds above 0"),
        ("inf", "--smooth inf must be seconds above 0"),
    ],
)
def test_other_words_are_refused(model, tmp_path, seconds, message):
    frames, out = draw_folder(tmp_path / "frames", range(2)), tmp_path / "out"
    assert message in refused(model, frames, "--out", out, f"--smooth={seconds}")
    assert not out.exists()


def test_errors_of_other_frames_are_refused(model, tmp_path):
    frames, out = draw_folder(tmp_path / "frames", range(2)), tmp_path / "out"
    words = [model, frames, "--out", out, "--smooth", 1, "--errors", tmp_path / "e"]
    assert "--smooth cannot be with --errors" in refused(*words)


def test_a_folder_keeps_its_smoothing(model, tmp_path):
    frames, out = draw_folder(tmp_path / "frames", range(5)), tmp_path / "out"
    told(model, frames, "--out", out)
    message = refused(model, frames, "--out", out, "--smooth", 2)
    assert "another --smooth: --smooth not (now 2 s)" in message
    asked = out / "asked.json"  # as of a version without the option
    values = json.loads(asked.read_text())
    del values["--smooth"]
    asked.write_text(json.dumps(values))
    told(model, frames, "--out", out)
    assert "another --smooth" in refused(model, frames, "--out", out, "--smooth", 2)


def test_pictures_that_are_gone_are_said(model, tmp_path):
    """The average begins anew, which one call would not have done."""
    frames, out = draw(tmp_path / "pond", 6), tmp_path / "out"
    told(model, frames, "--out", out, "--smooth", TAU)
    draw(frames)
    files = sorted(frames.iterdir())
    files[2].unlink()
    files[4].write_bytes(b"damaged")
    shown = told(model, frames, "--out", out, "--smooth", TAU)
    assert "Smoothing began anew: 2 frames of earlier calls" in shown
    assert len(list(read_rows(out / "rows.csv"))) == len(STEPS) + 1
    # A gap of 40 time constants is no loss: nothing of before weighs there.
    late, far = draw(tmp_path / "late" / "pond", 8), tmp_path / "far"
    told(model, late, "--out", far, "--smooth", TAU)
    sorted(late.iterdir())[0].unlink()
    draw_from = sorted(draw(tmp_path / "all").iterdir())[8:]
    for path in draw_from:
        shutil.copy(path, late)
    shown = told(model, late, "--out", far, "--smooth", TAU)
    assert "began anew" not in shown


def test_only_chosen_frames_are_smoothed_and_followed(model, tmp_path):
    """With --every, --from, --follow and --annotate, and after an end in between."""
    frames = draw_folder(tmp_path / "pond", range(30))
    words = ["--smooth", 3, "--every", 2, "--from", START + 4, "--follow", "sort"]
    whole, grown = tmp_path / "whole", tmp_path / "grown"
    told(model, frames, "--out", whole, *words, "--annotate", tmp_path / "a.mp4")
    part = draw_folder(tmp_path / "part" / "pond", range(17))
    told(model, part, "--out", grown, *words)
    draw_folder(part, range(30))
    told(model, part, "--out", grown, *words)
    for name in ("rows.csv", "events.csv", "tracks.csv", "splashes.csv"):
        assert (grown / name).read_bytes() == (whole / name).read_bytes()
    areas = [row.area for row in read_rows(whole / "rows.csv")]
    assert len(areas) == 13
    alone = tmp_path / "alone"
    told(model, frames, "--out", alone, *words[2:])
    assert areas != [row.area for row in read_rows(alone / "rows.csv")]


def test_a_time_constant_far_below_the_interval_is_refused(model, tmp_path):
    frames, out = draw_folder(tmp_path / "frames", range(2)), tmp_path / "out"
    words = [model, frames, "--out", out, "--every", 10]
    assert "--smooth 2 has no effect with --every 10" in refused(*words, "--smooth", 2)
    told(*words, "--smooth", 2.1)

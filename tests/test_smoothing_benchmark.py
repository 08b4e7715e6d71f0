"""What smoothing gains and costs, on few drawn frames."""

import json

import numpy as np
import pytest

from mmseg_splashkd.deploy import SplashModel
from tests.conftest import ROOT
from tests.deploy.predict.fakes import red_model
from tests.test_commands import module_of, run


@pytest.fixture
def smoothing(monkeypatch):
    monkeypatch.setattr(SplashModel, "load", lambda *_, **__: red_model())
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return module_of(ROOT / "benchmarks" / "smoothing.py")


def test_figures_of_a_scene_by_hand(smoothing):
    """Two scenes; one pixel of four flickers where the image stays."""
    water, splash = np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8)
    one = splash.copy()
    one[0, 0] = 0
    still = (np.zeros((2, 2, 3), np.uint8),) * 2
    scenes = []
    for _ in range(2):
        counted = smoothing.Counted()
        counted.add(water, water.astype(bool), None)
        counted.add(splash, splash.astype(bool), still)
        counted.add(one, splash.astype(bool), still)
        scenes.append(counted)
    sums = smoothing.Sums.of(scenes, 1.0, smoothing.EventSettings(min_seconds=0))
    figures = sums.figures(np.ones((1, 2)))
    assert figures["dice"] == pytest.approx(100 * 2 * 7 / (7 + 8))
    assert figures["flicker"] == pytest.approx(100 * 5 / 8)
    assert figures["tc"] == pytest.approx(100 * 3 / 8)
    assert figures["recall"] == 100
    # 1.75 of 2 true frames.
    assert figures["area_mean"] == pytest.approx(-12.5)


def test_the_table_has_a_row_for_each_time_constant(smoothing, tmp_path, capsys):
    model, out = tmp_path / "red.onnx", tmp_path / "figures.json"
    model.write_bytes(b"red")
    words = ["--model", f"red={model}", "--scenes", 5, "--frames", 30, "--tau", 1, 4]
    words += ["--size", 48, 64]
    run("benchmarks/smoothing.py", *words, "--json", out)
    printed = capsys.readouterr().out
    assert "5 scenes of 30 frames of 64x48 pixels" in printed
    found = json.loads(out.read_text())
    assert list(found) == ["red, 0", "red, 1", "red, 4"]
    alone, smooth = found["red, 0"], found["red, 4"]
    assert smooth["flicker"][0] < alone["flicker"][0]
    value, difference, low, high = smooth["flicker"]
    assert value - alone["flicker"][0] == pytest.approx(difference)
    assert low < difference < high
    assert f"| {value:.2f} ({low:+.2f} to {high:+.2f}) |" in printed

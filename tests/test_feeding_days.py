"""Drawn days, and how often intervals of them hold."""

import json
from argparse import Namespace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.deploy import SplashModel
from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.statistics.event_errors import reference_of
from mmseg_splashkd.statistics.event_errors.corrected import estimate_number
from tests.conftest import ROOT
from tests.deploy.predict.fakes import red_model
from tests.test_commands import module_of, run

FILE = "benchmarks/feeding_days.py"


@pytest.fixture
def days(monkeypatch):
    monkeypatch.setattr(SplashModel, "load", lambda *_, **__: red_model())
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return module_of(ROOT / "benchmarks" / "drawn_days.py")


@pytest.fixture
def model(tmp_path) -> Path:
    file = tmp_path / "red.onnx"
    file.write_bytes(b"red")
    return file


def test_events_of_an_hour_do_not_touch(days):
    rng = np.random.default_rng(0)
    for _ in range(20):
        moments = days.schedule(rng, 300.0)
        assert len(moments) == 120
        numbers = [each.number if each else 0 for each in moments]
        ends = [(a, b) for a, b in pairwise(numbers) if a and b]
        assert all(a == b for a, b in ends)
        assert all(
            0 < each.age < 1 and 0 < each.share <= 0.08 for each in moments if each
        )


def test_the_largest_share_of_a_long_event_is_its_peak(days, monkeypatch):
    monkeypatch.setattr(days, "PEAK_SPREAD", 0.0)
    monkeypatch.setattr(days, "LENGTH_S", 30 * 90)
    monkeypatch.setattr(days, "LENGTH_SPREAD", 0.0)
    moments = days.schedule(np.random.default_rng(0), 60.0)
    largest = max(each.share for each in moments if each)
    assert largest == pytest.approx(days.PEAK, rel=1e-3)


def test_a_drawn_day_has_its_frames_and_is_kept(days, model, tmp_path, monkeypatch):
    monkeypatch.setattr(days, "FRAMES", 6)
    monkeypatch.setattr(days, "SIZE", (48, 64))
    monkeypatch.setattr(days, "GAP_S", 30)
    folder = tmp_path / "A"
    assert list(days.draw_days(folder, "A", range(2), {"red": model})) == [0, 1]
    one, other = days.read_days(folder, "red", range(2))
    assert len(one.times_ns) == 12
    assert other.times_ns[0] - one.times_ns[0] == 86_400 * 10**9
    assert one.times_ns[6] - one.times_ns[0] == 11 * 3600 * 10**9
    assert 0 < one.true.max() < 0.1
    assert 0 <= one.share.min() <= one.share.max() <= 1
    before = (folder / "0001.npz").read_bytes()
    (folder / "0000.npz").unlink()
    list(days.draw_days(folder, "A", range(2), {"red": model}))
    assert (folder / "0001.npz").read_bytes() == before
    again = days.read_days(folder, "red", range(1))[0]
    np.testing.assert_array_equal(again.true, one.true)
    model.write_bytes(b"another")
    with pytest.raises(ValueError, match="another farm or of other models"):
        list(days.draw_days(folder, "A", range(2), {"red": model}))


def series(rng: np.random.Generator, bias: float) -> dict[str, np.ndarray]:
    """A day of splashes that are found ``bias`` times as large as they are."""
    hours = [(6 * 3600 + 30 * n) for n in range(120)]
    hours += [(17 * 3600 + 30 * n) for n in range(120)]
    true = np.zeros(240)
    for start in rng.choice(np.arange(2, 230, 12), 10, replace=False):
        true[start : start + rng.integers(2, 8)] = rng.uniform(0.02, 0.05)
    found = bias * true * rng.lognormal(0, 0.1, 240)
    sure = np.where(found > 0, 0.9, np.nan)
    columns = np.stack([found, np.ones(240), sure], 1)
    return {"time": np.array(hours) * 10**9, "true": true, "red": columns}


@pytest.fixture
def drawn(days, model, tmp_path) -> Path:
    """Days of farm A, of which the farm B is another camera."""
    for farm, bias in (("A", 1.2), ("B", 3.0)):
        folder, rng = tmp_path / "days" / farm, np.random.default_rng(0)
        list(days.draw_days(folder, farm, range(0), {"red": model}))
        for day in range(12):
            shown = series(rng, bias)
            np.savez(
                folder / f"{day:04d}.npz",
                time=shown["time"],
                true=shown["true"],
                red=shown["red"],
            )
    return tmp_path / "days"


def test_the_benchmark_tells_how_often_intervals_held(drawn, model, tmp_path, capsys):
    out = tmp_path / "figures.json"
    words = ["--model", f"red={model}", "--days", 12, "--known", 6, "--draws", 200]
    words += ["--other", "B", "--days-of-other", 12, "--work-dir", drawn]
    run(FILE, *words, "--json", out)
    printed = capsys.readouterr().out
    assert "red, 6 known days, farm B" in printed
    figures = json.loads(out.read_text())
    here, quiet, there = figures.values()
    assert (here["days"], quiet["days"], there["days"]) == (12, 4, 12)
    area = here["quantities"]["day area"]
    assert area["intervals"] == 12
    assert area["held"] >= 75
    elsewhere = there["quantities"]["day area"]
    assert elsewhere["held"] < 25  # found three times as large: the truth is below
    assert elsewhere["below"] == 100 - elsewhere["held"]
    numbers = here["quantities"]["hour events"]
    assert numbers["intervals"] == 24
    assert area["meant"] == pytest.approx(95)
    assert 95 < numbers["meant"] < 100  # whole numbers: at least 95 % in each


def test_numbers_are_the_draws_of_the_corrected_day(days):
    """Also of what was missed: every third splash is not found."""
    feeding = module_of(ROOT / "benchmarks" / "feeding_days.py")
    drawn = []
    for seed in range(8):
        shown = series(np.random.default_rng(seed), 1.0)
        begins = np.diff(shown["true"] > 0, prepend=False) & (shown["true"] > 0)
        shown["red"][np.cumsum(begins) % 3 == 0] = 0, 0, np.nan
        share, _, confidence = shown["red"].T
        drawn.append(days.Day(shown["time"], shown["true"], share, confidence))
    settings = EventSettings(on=0.01, off=0.005)
    reference = reference_of(feeding.known(drawn[1:]), settings, "splash")
    assert len(reference.missed) > 10
    truth = feeding.truth_of(drawn[0], settings)
    args = Namespace(draws=200)
    corrected, numbers = feeding.intervals_of(truth, reference, args, 0)
    assert numbers.shape == (200, 2)
    assert estimate_number(numbers.sum(1)) == corrected.day.events
    for hour, span in enumerate(corrected.spans):
        assert estimate_number(numbers[:, hour]) == span.events


def test_days_with_too_few_known_events_are_counted(drawn, model, tmp_path, capsys):
    out = tmp_path / "figures.json"
    words = ["--model", f"red={model}", "--days", 12, "--known", 3, "--draws", 200]
    run(FILE, *words, "--work-dir", drawn, "--json", out)
    here, _ = json.loads(out.read_text()).values()
    assert (here["refused"], here["quantities"]) == (100.0, {})
    assert (
        "| days with too few known events | 100.0 % of 12 |" in capsys.readouterr().out
    )


def test_too_few_days_are_refused(days, model, capsys):
    with pytest.raises(SystemExit):
        run(FILE, "--model", f"red={model}", "--days", 6, "--known", 6)
    assert "--days 6: give more than --known 6" in capsys.readouterr().err


def test_intervals_of_scores_are_tried_on_drawn_days(drawn, capsys):
    words = ["--model", "red", "red", "--folder", drawn / "A", "--days", 12]
    words += ["--days-of-test", 6, "--tests", 4, "--resamples", 100]
    run("benchmarks/event_intervals.py", *words)
    printed = capsys.readouterr().out
    assert "| 6 | red | recall |" in printed
    # The same arm twice: no difference, and so no interval.
    assert "| 6 | red less red | recall | 0.00 | 0 | n/a | n/a |" in printed

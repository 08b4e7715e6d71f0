"""The simulation, and the validation of the method on it."""

import numpy as np
import pytest
from scipy import stats

from mmseg_splashkd.statistics import Settings
from mmseg_splashkd.statistics.compare import differences_of
from mmseg_splashkd.statistics.metrics import areas_of, parse_metric
from mmseg_splashkd.statistics.simulation import (
    CLASSES,
    PIXELS,
    World,
    simulate,
)
from tests.statistics.builders import arms

TRIALS = 500
DICE = parse_metric("Dice.splash", CLASSES)


def claimed(counts: np.ndarray) -> float:
    """Share of trials with a significant difference in Dice of splash."""
    settings = Settings(("Dice.splash",), resamples=200)
    rows = []
    for trial in counts[:, 0]:
        (found,) = differences_of(arms(trial), settings)
        rows.append(found.verdict in ("better", "worse"))
    return float(np.mean(rows))


@pytest.mark.slow
@pytest.mark.parametrize("frames", [200, 300])
def test_false_positive_rate_is_3_to_8_percent(frames: int):
    rng = np.random.default_rng(20)
    counts = simulate(World(), rng, frames, np.zeros((TRIALS, 1, 2)))
    assert 0.03 <= claimed(counts) <= 0.08
    # The percentile bootstrap of frames, taken as independent, is far off.
    areas = areas_of(counts[:, 0])
    weights = rng.multinomial(frames, [1 / frames] * frames, 300)
    drawn = [DICE.of(np.tensordot(weights, trial, (1, 1))) for trial in areas]
    ends = [np.quantile(d[:, 1] - d[:, 0], [0.025, 0.975]) for d in drawn]
    assert np.mean([low > 0 or high < 0 for low, high in ends]) > 0.2


@pytest.mark.slow
def test_power_agrees_with_theory():
    frames, blocks = 300, 13
    skill = np.zeros((TRIALS, 1, 2))
    skill[..., 1] = 0.27
    counts = simulate(World(), np.random.default_rng(21), frames, skill)
    scores = DICE.of(areas_of(counts[:, 0]).sum(2))
    differences = scores[:, 1] - scores[:, 0]
    delta = differences.mean() / differences.std()
    assert 2 < delta < 4  # power is neither 0 nor 1
    theory = stats.nct.sf(stats.t.isf(0.025, blocks - 1), blocks - 1, delta)
    chance = 3 * np.sqrt(theory * (1 - theory) / TRIALS)
    power = claimed(counts)
    # The estimated correlation between blocks costs a few points.
    assert theory - 0.08 - chance < power < theory + chance


@pytest.mark.parametrize("shape", ["smooth", "steps"])
@pytest.mark.parametrize("correlation_time", [1, 10])
def test_variance_of_the_mean_is_that_of_fewer_independent_frames(
    shape, correlation_time: int
):
    world = World(correlation_time=correlation_time, shape=shape)
    series = world.series(np.random.default_rng(0), 4000, 200)
    assert series.std() == pytest.approx(1, abs=0.02)
    assert series.mean(1).var() * 200 == pytest.approx(correlation_time, rel=0.12)


def test_counts_sum_to_the_pixels_of_frames():
    counts = simulate(World(), np.random.default_rng(0), 50, np.zeros((3, 2, 2)))
    assert counts.shape == (3, 2, 2, 50, 2, 2)
    assert (counts >= 0).all()
    assert (counts.sum((-1, -2)) == PIXELS).all()
    truth = counts.sum(-1)
    assert (truth == truth[:, :1, :1]).all()  # all runs of a trial see the same frames
    assert (counts[:, 0, 0] != counts[:, 0, 1]).any()


def test_skill_lowers_errors():
    skill = np.zeros((200, 1, 2))
    skill[..., 1] = 0.5
    counts = simulate(World(), np.random.default_rng(0), 100, skill)
    scores = DICE.of(areas_of(counts[:, 0]).sum(2))
    assert (scores[:, 1] - scores[:, 0]).mean() > 3

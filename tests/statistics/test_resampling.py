"""The bootstrap, against analytic variances."""

from dataclasses import astuple

import numpy as np
import pytest

from mmseg_splashkd.statistics import resampling
from mmseg_splashkd.statistics.resampling import (
    block_bootstrap,
    neighbour_correlation,
)


def mean_of(values: np.ndarray):
    return lambda weights: weights @ values / weights.sum(1)


def test_standard_error_of_a_mean():
    values = np.random.default_rng(0).standard_normal(400)
    spread = block_bootstrap(mean_of(values), 400)
    textbook = values.var(ddof=1) / 400
    wider = (1 + spread.correlation) / (1 - spread.correlation)
    assert spread.value == pytest.approx(values.mean())
    assert spread.variance / wider == pytest.approx(textbook, rel=0.05)
    assert spread.variance / wider >= textbook * (1 - 1e-9)  # the wider of the two


def test_the_bootstrap_alone_is_unbiased_for_few_blocks():
    values = np.random.default_rng(2).standard_normal(6)

    def zero_for_the_jackknife(weights: np.ndarray) -> np.ndarray:
        return np.where((weights == 0).any(1), 0, weights @ values / 6)

    spread = block_bootstrap(zero_for_the_jackknife, 6, resamples=20_000)
    assert spread.correlation == 0
    assert spread.variance == pytest.approx(values.var(ddof=1) / 6, rel=0.05)


def test_few_unequal_blocks_get_more_than_the_bootstrap_gives():
    # A ratio with most of its weight in one block: resamples hardly change it.
    weight, errors = np.array([50.0, 1, 1, 1, 1, 1]), np.array([30.0, 0, 1, 0, 1, 0])

    def ratio(weights: np.ndarray) -> np.ndarray:
        return weights @ errors / (weights @ weight)

    without = np.array(
        [np.delete(errors, b).sum() / np.delete(weight, b).sum() for b in range(6)]
    )
    jackknife = ((without - without.mean()) ** 2).sum() * 5 / 6
    drawn = np.random.default_rng(1).multinomial(6, [1 / 6] * 6, 4000)
    drawn = drawn[drawn[:, 0] > 0]
    assert block_bootstrap(ratio, 6).variance >= jackknife > 2 * ratio(drawn).var()


def test_the_bootstrap_is_used_for_a_strongly_nonlinear_score():
    # The square of a mean of 0: one block less hardly changes it.
    values = np.random.default_rng(0).standard_normal(20)
    values -= values.mean()
    spread = block_bootstrap(lambda weights: (weights @ values / 20) ** 2, 20)
    without = (values / 20) ** 2
    jackknife = ((without - without.mean()) ** 2).sum() * 19 / 20
    drawn = np.random.default_rng(1).multinomial(20, [1 / 20] * 20, 20_000)
    expected = ((drawn @ values / 20) ** 2).var()
    wider = (1 + spread.correlation) / (1 - spread.correlation)
    assert jackknife < 0.1 * expected
    assert 0.7 * expected < spread.variance / wider < 2 * expected


def test_correlated_blocks_get_a_wider_interval():
    rng = np.random.default_rng(0)
    series = rng.standard_normal(2000)
    for place in range(1, 2000):
        series[place] += 0.5 * series[place - 1]
    spread = block_bootstrap(mean_of(series), 2000, resamples=200)
    # The long-run variance of an autoregression: 1 / (1 - 0.5)^2.
    assert spread.variance * 2000 == pytest.approx(4.0, rel=0.2)


def test_neighbour_correlation_by_hand():
    # Sum of squares 8, products of neighbours 1 + 1 - 1 + 1 - 1 - 1 + 1 = 1.
    influence = np.array([1.0, 1, 1, -1, -1, 1, -1, -1])
    expected = 1 / 8 + (1 + 4 * 1 / 8) / 8
    assert neighbour_correlation(influence) == pytest.approx(expected)
    assert neighbour_correlation(np.array([1.0, -1, 1, -1])) == 0  # alternates
    assert neighbour_correlation(np.repeat([1.0, -1], 50)) == 0.6  # the most
    assert neighbour_correlation(np.zeros(6)) == 0


def test_its_bias_is_corrected():
    rng = np.random.default_rng(0)
    raw, corrected = [], []
    for _ in range(4000):
        values = rng.standard_normal(11)
        values -= values.mean()
        raw.append((values[1:] * values[:-1]).sum() / (values**2).sum())
        corrected.append(raw[-1] + (1 + 4 * max(raw[-1], 0)) / 11)
    assert np.mean(raw) == pytest.approx(-1 / 11, abs=0.015)
    assert abs(np.mean(corrected)) < 0.06


def test_same_seed_same_weights_so_runs_pair():
    recorded = []

    def spy(weights: np.ndarray) -> np.ndarray:
        recorded.append(weights)
        return weights[:, 0]

    for seed in (0, 0, 1):
        block_bootstrap(spy, 7, resamples=100, seed=seed)
    draws = recorded[1::3]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()
    assert draws[0].sum(1) == pytest.approx(7)
    assert (draws[0] > 0).all()


def test_interaction_is_that_of_a_two_way_analysis_of_variance():
    # Two-way analysis of variance of block means: rows are runs, columns blocks.
    rng = np.random.default_rng(0)
    values = rng.standard_normal((4, 1)) + 3 * rng.standard_normal(50)
    values = values + 0.5 * rng.standard_normal((4, 50))
    spread = block_bootstrap(lambda w: values @ w.T / w.sum(1), 50)
    left = values - values.mean(0) - values.mean(1, keepdims=True) + values.mean()
    mean_square = (left**2).sum() / (3 * 49)
    wider = (1 + spread.correlation) / (1 - spread.correlation)
    assert spread.interaction / wider == pytest.approx(mean_square / (4 * 50))
    alone = block_bootstrap(lambda w: values.mean(0) @ w.T / w.sum(1), 50)
    assert spread.variance == pytest.approx(alone.variance)
    assert alone.interaction == 0


def test_constant_statistic():
    spread = block_bootstrap(lambda weights: np.zeros(len(weights)), 6)
    assert (spread.value, spread.variance, spread.correlation) == (0, 0, 0)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch):
    values = np.random.default_rng(0).standard_normal(30)
    whole = block_bootstrap(mean_of(values), 30, resamples=100)
    monkeypatch.setattr(resampling, "MOST_WEIGHTS", 7 * 30)
    parts = block_bootstrap(mean_of(values), 30, resamples=100)
    assert astuple(parts) == pytest.approx(astuple(whole), rel=1e-12)


@pytest.mark.parametrize(("blocks", "resamples"), [(1, 2000), (6, 99)])
def test_refused(blocks: int, resamples: int):
    with pytest.raises(ValueError, match=f"blocks={blocks} .* resamples={resamples} "):
        block_bootstrap(mean_of(np.ones(blocks)), blocks, resamples)

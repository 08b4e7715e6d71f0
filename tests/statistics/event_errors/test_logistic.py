"""Logistic regression against a general optimiser."""

import numpy as np
import pytest
from scipy.optimize import minimize

from mmseg_splashkd.statistics.event_errors.logistic import (
    RIDGE,
    RIDGE_OF_INTERCEPT,
    fit_logistic,
    probability,
)


def penalised(b, rows, is_true, weights) -> float:
    """Negative penalised log-likelihood, by its definition."""
    odds = rows @ b
    lost = np.logaddexp(0, odds) - is_true * odds
    penalty = np.array([RIDGE_OF_INTERCEPT, *[RIDGE] * (len(b) - 1)])
    return float((weights * lost).sum() + 0.5 * (penalty * b**2).sum())


@pytest.fixture
def rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.concatenate([np.ones((60, 1)), rng.standard_normal((60, 2))], 1)


def test_coefficients_are_those_of_an_optimiser(rows):
    rng = np.random.default_rng(1)
    is_true = rng.random(60) < probability(rows @ [0.5, 2.0, -1.0])
    weights = rng.integers(0, 4, (5, 60)).astype(float)
    fitted = fit_logistic(rows, is_true, weights)
    for found, own in zip(fitted, weights, strict=True):
        best = minimize(penalised, np.zeros(3), (rows, is_true, own), tol=1e-12)
        np.testing.assert_allclose(found, best.x, atol=2e-5)


@pytest.mark.parametrize("true", [True, False])
def test_rows_of_one_class_give_a_finite_fit(rows, true):
    fitted = fit_logistic(rows, np.full(60, true), np.ones((1, 60)))
    chance = probability(fitted @ rows.T)
    assert np.isfinite(fitted).all()
    assert (chance > 0.98 if true else chance < 0.02).all()


def test_rows_that_a_column_separates_give_a_finite_slope(rows):
    fitted = fit_logistic(rows, rows[:, 1] > 0, np.ones((1, 60)))
    best = minimize(penalised, np.zeros(3), (rows, rows[:, 1] > 0, np.ones(60)))
    np.testing.assert_allclose(fitted[0], best.x, atol=1e-4)
    assert 1 < fitted[0, 1] < 10


def test_probability_does_not_overflow():
    np.testing.assert_allclose(probability(np.array([-1e4, 0, 1e4])), [0, 0.5, 1])

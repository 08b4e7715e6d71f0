"""Logistic regression with a ridge, for many resamples of the same rows at once."""

import numpy as np

RIDGE = 1.0  # of a slope; columns have variance 1
RIDGE_OF_INTERCEPT = 0.01  # keeps it finite where all rows are of one class
STEPS = 25
LARGEST_STEP = 2.0
ENOUGH = 1e-6


def fit_logistic(
    rows: np.ndarray, is_true: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Fit P(true) = 1 / (1 + exp(-row . b)) by Newton's method.

    Args:
        rows: (n, p); the first column is 1, the others have variance 1.
        is_true: (n,) bool.
        weights: (B, n) weights >= 0 of the rows, one fit each.

    Returns:
        (B, p) coefficients b of the largest penalised likelihood: the penalty is half
        of 1 times each squared slope, so that a few rows which a column separates give
        a finite slope.
    """
    count, columns = len(weights), rows.shape[1]
    penalty = np.diag([RIDGE_OF_INTERCEPT, *[RIDGE] * (columns - 1)])
    fitted = np.zeros((count, columns))
    for _ in range(STEPS):
        expected = probability(fitted @ rows.T)
        gradient = (weights * (is_true - expected)) @ rows - fitted @ penalty
        spread = weights * expected * (1 - expected)
        curvature = np.einsum("bn,np,nq->bpq", spread, rows, rows) + penalty
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        fitted += step.clip(-LARGEST_STEP, LARGEST_STEP)
        if np.abs(step).max() < ENOUGH:
            break
    return fitted


def probability(log_odds: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * log_odds))

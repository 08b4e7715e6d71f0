"""Block-bootstrap standard error of a score, with small-sample corrections.

The uncorrected bootstrap interval of six or twenty blocks is too narrow, for three
reasons. Each is corrected as recommended in the literature:

- It has no quantile of Student's t: with Q blocks, Q - 1 degrees of freedom (Ibragimov
  and Mueller, "t-Statistic Based Correlation and Heterogeneity Robust Inference", JBES
  28(4), 2010, who show that blocks of unequal variance make that test conservative).
- Blocks that contain much of a class dominate the score, so the bootstrap
  underestimates their error. The delete-a-block jackknife includes it, and the larger
  of the two is used (MacKinnon, Nielsen and Webb, "Fast and Reliable Jackknife and
  Bootstrap Methods for Cluster-Robust Inference", Journal of Applied Econometrics
  38(5), 2023).
- Correlation r that remains between neighbouring blocks: the variance is multiplied by
  (1 + r) / (1 - r), the ratio for a first-order autoregression, with a bias-corrected r
  (Marriott and Pope, Biometrika 41, 1954).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

RESAMPLES, FEWEST_RESAMPLES = 2000, 100
MOST_CORRELATION = 0.6  # variance times 4; larger correlations need longer blocks
MOST_WEIGHTS = 2**21  # in memory at once

# Scores of R resamples, (R,) or (J, R) of J runs, from weights of Q blocks, (R, Q).
Statistic = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Spread:
    """Sampling variance of a score over frames.

    Args:
        value: The score of all blocks, in points; the mean over J runs.
        variance: Squared standard error of the score, in points^2.
        blocks: Number of blocks, Q.
        correlation: Correlation of neighbouring blocks, in [0, 0.6].
        interaction: Part of the variance of the mean over J runs that comes from the
            interaction of frames and runs; 0 for one run.
    """

    value: float
    variance: float
    blocks: int
    correlation: float
    interaction: float = 0.0


def block_bootstrap(
    statistic: Statistic, blocks: int, resamples: int = RESAMPLES, seed: int = 0
) -> Spread:
    """Estimate the sampling variance of a score from resamples of its blocks.

    A resample gives each block a random weight of mean 1 (exponential, scaled to a sum
    of Q: Rubin, "The Bayesian Bootstrap", Annals of Statistics 9, 1981). Drawing blocks
    with replacement is the same with integer weights, and for a mean gives the same
    variance up to a known factor; but some of its resamples lose a class that few
    blocks hold, at which a mean over classes jumps. The weights depend on ``seed`` and
    the number of blocks alone, so two runs on the same blocks are resampled in pairs.

    Args:
        statistic: The score, or the difference of two scores, from the weights of the
            blocks; for several runs one row each, whose mean is the estimate.
        blocks: Number of blocks, Q, 2 or more, in the order of time.
        resamples: Number of resamples, 100 or more.
        seed: Seed of the weights; the same seed gives the same weights.

    Raises:
        ValueError: ``blocks`` is below 2 or ``resamples`` below 100.
    """
    if blocks < 2 or resamples < FEWEST_RESAMPLES:
        raise ValueError(
            f"blocks={blocks} must be 2 or more, resamples={resamples} 100 or more"
        )
    value = float(statistic(np.ones((1, blocks))).mean())
    resampled = _apply(statistic, _random_weights(resamples, blocks, seed))
    # The variance of the weights is (Q - 1) / (Q + 1) times the unbiased one for a
    # mean.
    bootstrap = resampled.mean(0).var() * (blocks + 1) / (blocks - 1)
    without = _apply(statistic, _without_each(blocks))
    by_run = without.mean(1, keepdims=True) - without
    influence = by_run.mean(0)
    jackknife = (influence**2).sum() * (blocks - 1) / blocks
    correlation = neighbour_correlation(influence)
    wider = (1 + correlation) / (1 - correlation)
    variance = float(max(bootstrap, jackknife) * wider)
    interaction = _interaction(by_run - influence) * wider
    return Spread(value, variance, blocks, correlation, interaction)


def _interaction(residuals: np.ndarray) -> float:
    """Jackknife variance of the mean of (J, Q) influences less their mean over runs."""
    runs, blocks = residuals.shape
    if runs == 1:
        return 0.0
    return float((residuals**2).sum() * (blocks - 1) / blocks / (runs - 1) / runs)


def _apply(statistic: Statistic, weights: Iterator[np.ndarray]) -> np.ndarray:
    """(J, R) scores of all resamples."""
    return np.concatenate([np.atleast_2d(statistic(some)) for some in weights], 1)


def _random_weights(resamples: int, blocks: int, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    for rows in _chunks(resamples, blocks):
        weights = rng.standard_exponential((len(rows), blocks))
        yield weights * (blocks / weights.sum(1, keepdims=True))


def _without_each(blocks: int) -> Iterator[np.ndarray]:
    for rows in _chunks(blocks, blocks):
        yield 1.0 - (rows[:, None] == np.arange(blocks))


def _chunks(rows: int, blocks: int) -> list[np.ndarray]:
    """Indices of rows in chunks whose (rows, blocks) matrix has at most 16 MiB."""
    size = max(1, MOST_WEIGHTS // blocks)
    return [np.arange(k, min(k + size, rows)) for k in range(0, rows, size)]


def neighbour_correlation(influence: np.ndarray) -> float:
    """Correlation of neighbouring blocks, unbiased to the first order.

    Args:
        influence: (Q,) influence of each block on the score, in the order of time, with
            mean 0.

    Returns:
        In [0, 0.6]; 0 if all blocks have the same influence.
    """
    squares = float((influence**2).sum())
    if squares == 0:
        return 0.0
    raw = float((influence[1:] * influence[:-1]).sum()) / squares
    unbiased = raw + (1 + 4 * max(raw, 0.0)) / len(influence)
    return min(max(unbiased, 0.0), MOST_CORRELATION)

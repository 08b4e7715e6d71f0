"""The standard error of a score over blocks of frames: a bootstrap, mended for few.

A bootstrap of six or twenty blocks gives too narrow an interval, for three reasons,
each of which is mended by what its literature recommends:

- it has no quantile of Student's t: with Q blocks, Q - 1 degrees of freedom
  (Ibragimov and Mueller, "t-Statistic Based Correlation and Heterogeneity Robust
  Inference", JBES 28(4), 2010, who show that blocks of unequal spread make that test
  careful, not rash);
- blocks that hold much of a class pull the score towards themselves and so hide their
  own error: the delete-a-block jackknife counts it, and the wider of the two is taken
  (MacKinnon, Nielsen and Webb, "Fast and Reliable Jackknife and Bootstrap Methods for
  Cluster-Robust Inference", Journal of Applied Econometrics 38(5), 2023);
- what correlation is left between one block and the next widens it by
  (1 + r) / (1 - r), the ratio of a first-order autoregression, with r freed of its
  bias (Marriott and Pope, Biometrika 41, 1954).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

RESAMPLES, FEWEST_RESAMPLES = 2000, 100
MOST_CORRELATION = 0.6  # four times the variance; beyond that, blocks are too short
MOST_WEIGHTS = 2**21  # in memory at once

# Scores of R resamples, (R,) or (J, R) of J runs, from weights of Q blocks, (R, Q).
Statistic = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Spread:
    """How far a score would lie elsewhere on other frames like these.

    Args:
        value: The score of all blocks.
        variance: Its squared standard error.
        blocks: Q.
        correlation: Between one block and the next, in [0, 0.6].
        together: Part of the variance of the mean over J runs that comes from what
            frames do to one run only; 0 for one run.
    """

    value: float
    variance: float
    blocks: int
    correlation: float
    together: float = 0.0


def block_bootstrap(
    statistic: Statistic, blocks: int, resamples: int = RESAMPLES, seed: int = 0
) -> Spread:
    """Judge the spread of a score from resamples of its blocks.

    A resample gives each block a random weight of mean 1 (exponential, scaled to a sum
    of Q: Rubin, "The Bayesian Bootstrap", Annals of Statistics 9, 1981). Drawing blocks
    with replacement is the same with whole numbers for weights, and of a mean gives the
    same variance but for a known factor; but it loses a class now and then that only
    few blocks hold, and a mean IoU jumps. The weights depend on ``seed`` and the number
    of blocks alone, so that two runs on the same blocks get the same: that pairs them.

    Args:
        statistic: The score, or the difference of two, from the weights of the blocks;
            of several runs that of each, the mean of which is judged.
        blocks: Q, at least 2.
        resamples: How many.
        seed: Of the weights.

    Raises:
        ValueError: ``blocks`` is below 2 or ``resamples`` below 100.
    """
    if blocks < 2 or resamples < FEWEST_RESAMPLES:
        raise ValueError(
            f"blocks={blocks} must be 2 or more, resamples={resamples} 100 or more"
        )
    value = float(statistic(np.ones((1, blocks))).mean())
    resampled = _apply(statistic, _random_weights(resamples, blocks, seed))
    # The weights' own variance is (Q - 1) / (Q + 1) of what an unbiased one needs.
    bootstrap = resampled.mean(0).var() * (blocks + 1) / (blocks - 1)
    without = _apply(statistic, _without_each(blocks))
    by_run = without.mean(1, keepdims=True) - without
    influence = by_run.mean(0)
    jackknife = (influence**2).sum() * (blocks - 1) / blocks
    correlation = neighbour_correlation(influence)
    wider = (1 + correlation) / (1 - correlation)
    variance = float(max(bootstrap, jackknife) * wider)
    together = _together(by_run - influence) * wider
    return Spread(value, variance, blocks, correlation, together)


def _together(own: np.ndarray) -> float:
    """Jackknife of what J runs have each for itself, (J, Q), in the mean over them."""
    runs, blocks = own.shape
    if runs == 1:
        return 0.0
    return float((own**2).sum() * (blocks - 1) / blocks / (runs - 1) / runs)


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
    """Numbers of rows, as many at a time as make a matrix of some 16 MiB."""
    size = max(1, MOST_WEIGHTS // blocks)
    return [np.arange(k, min(k + size, rows)) for k in range(0, rows, size)]


def neighbour_correlation(influence: np.ndarray) -> float:
    """Correlation of one block with the next, unbiased to the first order.

    Args:
        influence: (Q,), in the order of time, of mean 0.

    Returns:
        In [0, 0.6]; 0 if blocks do not differ.
    """
    squares = float((influence**2).sum())
    if squares == 0:
        return 0.0
    raw = float((influence[1:] * influence[:-1]).sum()) / squares
    unbiased = raw + (1 + 4 * max(raw, 0.0)) / len(influence)
    return min(max(unbiased, 0.0), MOST_CORRELATION)

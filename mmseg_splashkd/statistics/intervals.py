"""Intervals of scores and of their differences, over frames, seeds and folds."""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr, stdtrit

from mmseg_splashkd.statistics.resampling import Spread

ALPHA = 0.05


@dataclass(frozen=True)
class Interval:
    """A 95 % confidence interval, in percentage points.

    Args:
        value: The estimate.
        low: Lower end.
        high: Upper end.
        error: Standard error.
        df: Degrees of freedom of Student's t, 1 or more.
    """

    value: float
    low: float
    high: float
    error: float
    df: float

    @property
    def p(self) -> float:
        """Two-sided p-value of the hypothesis that the true value is 0."""
        if self.error == 0:
            return float(self.value == 0)
        return float(2 * stdtr(self.df, -abs(self.value) / self.error))

    def within(self, low: float, high: float) -> "Interval":
        """The interval with its ends clipped to [low, high]."""
        return replace(self, low=max(self.low, low), high=min(self.high, high))


def critical_t(df: float, alpha: float = ALPHA) -> float:
    """The t with P(abs(T) >= t) = ``alpha`` for ``df`` degrees of freedom."""
    return float(-stdtrit(df, alpha / 2))


def interval_at(interval: Interval, alpha: float) -> Interval:
    """The interval that misses the true value with another probability, in (0, 1)."""
    half = critical_t(interval.df, alpha) * interval.error
    return replace(interval, low=interval.value - half, high=interval.value + half)


def interval_of(value: float, variance: float, df: float) -> Interval:
    """Student's t interval of an estimate.

    Args:
        value: The estimate, in points.
        variance: Squared standard error of the estimate, in points^2.
        df: Degrees of freedom, 1 or more.
    """
    error = math.sqrt(variance)
    half = critical_t(df) * error
    return Interval(value, value - half, value + half, error, df)


def over_frames(spread: Spread) -> Interval:
    """Interval of the score of one run on other frames of the same kind."""
    return interval_of(spread.value, spread.variance, spread.blocks - 1)


def over_frames_and_runs(
    spread: Spread, by_run: np.ndarray, overlap: float = 0.0
) -> tuple[Interval, float]:
    """Interval of the mean of J runs, for other frames and other seeds.

    The variance over frames (of the mean of the runs) and the variance over runs are
    added, and their interaction, which both contain, is subtracted once; the result is
    no smaller than either (two-way clustering: Cameron, Gelbach and Miller, "Robust
    Inference with Multiway Clustering", JBES 29(2), 2011). Degrees of freedom:
    Satterthwaite, "An Approximate Distribution of Estimates of Variance Components",
    Biometrics Bulletin 2, 1946. The variance over runs is included as recommended by
    Bouthillier et al., "Accounting for Variance in Machine Learning Benchmarks", MLSys
    2021.

    Args:
        spread: Spread over frames of the mean of the runs.
        by_run: (J,) score, or difference, of each run (pair of runs); J > 1.
        overlap: n_test / n_train of the folds if the runs belong to several folds, else
            0: see ``corrected_resampled``.

    Returns:
        The interval, and the fraction in [0, 1] of its squared standard error that
        comes from runs alone, which more frames do not reduce.
    """
    runs = float(np.var(by_run, ddof=1)) * (1 / len(by_run) + overlap)
    frames = spread.variance
    if frames + runs == 0:
        return interval_of(spread.value, 0.0, 1.0), 0.0
    variance = max(frames + runs - spread.interaction, frames, runs)
    df = (frames + runs) ** 2 / (
        frames**2 / (spread.blocks - 1) + runs**2 / (len(by_run) - 1)
    )
    alone = max(runs - spread.interaction, 0.0)
    return interval_of(spread.value, variance, df), alone / variance


def corrected_resampled(by_run: np.ndarray, overlap: float) -> Interval:
    """Interval of the mean over folds (and seeds) for new data.

    The corrected resampled t-test: the training parts of folds share frames, so the
    runs are not independent, and the variance is (1/J + n_test/n_train) S^2 with J - 1
    degrees of freedom. Nadeau and Bengio, "Inference for the Generalization Error",
    Machine Learning 52, 2003; for repeated cross-validation Bouckaert and Frank,
    "Evaluating the Replicability of Significance Tests for Comparing Learning
    Algorithms", PAKDD 2004.

    Args:
        by_run: (J,) difference for each fold and seed; J > 1.
        overlap: n_test / n_train, 1 / (K - 1) with K folds.
    """
    variance = float(np.var(by_run, ddof=1)) * (1 / len(by_run) + overlap)
    return interval_of(float(by_run.mean()), variance, len(by_run) - 1)

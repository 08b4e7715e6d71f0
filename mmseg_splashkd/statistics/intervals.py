"""Intervals of scores and of their differences, over frames, seeds and folds."""

import math
from dataclasses import dataclass

import numpy as np

from mmseg_splashkd.statistics.resampling import Spread
from mmseg_splashkd.statistics.student import critical, tail

ALPHA = 0.05


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, in percentage points.

    Args:
        value: The estimate.
        low: Lower end.
        high: Upper end.
        error: Standard error.
        df: Degrees of freedom of Student's t.
    """

    value: float
    low: float
    high: float
    error: float
    df: float

    @property
    def p(self) -> float:
        """Two-sided p-value of a true value of 0."""
        if self.error == 0:
            return float(self.value == 0)
        return tail(abs(self.value) / self.error, self.df)

    def within(self, low: float, high: float) -> "Interval":
        """The interval, its ends cut at what the score can be."""
        ends = max(self.low, low), min(self.high, high)
        return Interval(self.value, *ends, self.error, self.df)


def interval_of(value: float, variance: float, df: float) -> Interval:
    """Student's interval of an estimate."""
    error = math.sqrt(variance)
    half = critical(ALPHA, df) * error
    return Interval(value, value - half, value + half, error, df)


def over_frames(spread: Spread) -> Interval:
    """Interval of one run on other frames like these."""
    return interval_of(spread.value, spread.variance, spread.blocks - 1)


def over_frames_and_runs(
    spread: Spread, by_run: np.ndarray, overlap: float = 0.0
) -> tuple[Interval, float]:
    """Interval of the mean of J runs, on other frames and with other seeds.

    The variance over frames (of the mean of the runs) and that over runs are added, and
    what frames and runs do together, which is in both, taken off once; the sum is no
    smaller than either (two-way clustering: Cameron, Gelbach and Miller, "Robust
    Inference with Multiway Clustering", JBES 29(2), 2011). Degrees of freedom:
    Satterthwaite, "An Approximate Distribution of Estimates of Variance Components",
    Biometrics Bulletin 2, 1946. That runs have to be counted at all: Bouthillier et
    al., "Accounting for Variance in Machine Learning Benchmarks", MLSys 2021.

    Args:
        spread: Of the mean over the runs.
        by_run: (J,) score, or difference, of each run (pair of runs); J > 1.
        overlap: n_test / n_train of the folds that the runs were trained on, if they
            were trained on several: see ``corrected_resampled``.

    Returns:
        The interval, and which part of its squared standard error is of the runs
        alone, so that more frames would not lessen it.
    """
    runs = float(np.var(by_run, ddof=1)) * (1 / len(by_run) + overlap)
    frames = spread.variance
    if frames + runs == 0:
        return interval_of(spread.value, 0.0, 1.0), 0.0
    variance = max(frames + runs - spread.together, frames, runs)
    df = (frames + runs) ** 2 / (
        frames**2 / (spread.blocks - 1) + runs**2 / (len(by_run) - 1)
    )
    alone = max(runs - spread.together, 0.0)
    return interval_of(spread.value, variance, df), alone / variance


def corrected_resampled(by_cell: np.ndarray, overlap: float) -> Interval:
    """Interval of the mean over folds (and seeds), as on new data.

    The corrected resampled t-test: training parts of folds share frames, so that runs
    are not independent, and the variance is (1/J + n_test/n_train) S^2 with J - 1
    degrees of freedom. Nadeau and Bengio, "Inference for the Generalization Error",
    Machine Learning 52, 2003; for repeated cross-validation Bouckaert and Frank,
    "Evaluating the Replicability of Significance Tests for Comparing Learning
    Algorithms", PAKDD 2004.

    Args:
        by_cell: (J,) difference in each fold with each seed; J > 1.
        overlap: n_test / n_train, 1 / (K - 1) with K folds.
    """
    variance = float(np.var(by_cell, ddof=1)) * (1 / len(by_cell) + overlap)
    return interval_of(float(by_cell.mean()), variance, len(by_cell) - 1)

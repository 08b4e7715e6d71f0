"""Intervals against scipy, published quantiles and by hand."""

import numpy as np
import pytest
from scipy import stats

from mmseg_splashkd.statistics.intervals import (
    corrected_resampled,
    critical_t,
    interval_of,
    over_frames,
    over_frames_and_runs,
)
from mmseg_splashkd.statistics.resampling import Spread


@pytest.mark.parametrize(
    ("df", "t"), [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (120, 1.980)]
)
def test_critical_values_are_those_of_the_printed_table(df: int, t: float):
    assert critical_t(df) == pytest.approx(t, abs=5e-4)


def test_critical_value_lies_between_those_of_whole_degrees_of_freedom():
    assert critical_t(6) < critical_t(5.5) < critical_t(5)


def test_over_frames_is_students():
    interval = over_frames(Spread(1.5, 0.49, 9, 0.0))
    low, high = stats.t.interval(0.95, 8, 1.5, 0.7)
    assert (interval.low, interval.high) == pytest.approx((low, high))
    assert interval.df == 8


@pytest.mark.parametrize("value", [0.3, 2.4, -2.4])
def test_p_agrees_with_the_interval(value: float):
    interval = interval_of(value, 1.0, 11.0)
    assert interval.p == pytest.approx(2 * stats.t.sf(abs(value), 11))
    assert (interval.p < 0.05) == (interval.low > 0 or interval.high < 0)


def test_no_spread_at_all():
    assert interval_of(0.0, 0.0, 5).p == 1
    assert interval_of(0.1, 0.0, 5).p == 0


def test_ends_are_clipped_to_the_range_of_a_score():
    interval = interval_of(98.0, 4.0, 5).within(0, 100)
    assert interval.high == 100
    assert interval.low == pytest.approx(98 - 2 * stats.t.isf(0.025, 5))


def test_frames_and_runs_by_hand():
    by_run = np.array([0.5, 1.1, 1.4])  # variance 0.21, of their mean 0.07
    interval, share = over_frames_and_runs(Spread(1.0, 0.09, 7, 0.0), by_run)
    df = 0.16**2 / (0.09**2 / 6 + 0.07**2 / 2)
    assert interval.error == pytest.approx(0.4)
    assert interval.df == pytest.approx(df)
    assert interval.high - 1.0 == pytest.approx(0.4 * stats.t.isf(0.025, df))
    assert share == pytest.approx(0.07 / 0.16)


@pytest.mark.parametrize(
    ("interaction", "variance", "alone"),
    [(0.04, 0.12, 0.03), (0.07, 0.09, 0.0), (0.2, 0.09, 0.0)],
)
def test_the_interaction_of_frames_and_runs_counts_once(
    interaction: float, variance: float, alone: float
):
    by_run = np.array([0.5, 1.1, 1.4])
    spread = Spread(1.0, 0.09, 7, 0.0, interaction)
    interval, share = over_frames_and_runs(spread, by_run)
    assert interval.error**2 == pytest.approx(variance)
    assert share == pytest.approx(alone / variance, abs=1e-12)
    assert interval.df == over_frames_and_runs(Spread(1.0, 0.09, 7, 0.0), by_run)[0].df


def test_without_spread_of_runs_it_is_that_of_frames():
    spread = Spread(1.0, 0.09, 7, 0.0)
    interval, share = over_frames_and_runs(spread, np.full(3, 1.0))
    assert (interval, share) == (over_frames(spread), 0)
    interval, share = over_frames_and_runs(Spread(0.0, 0.0, 7, 0.0), np.zeros(3))
    assert (interval.low, interval.high, share) == (0, 0, 0)


def test_runs_of_several_folds_share_training_frames():
    by_run = np.array([0.5, 1.1, 1.4])
    interval, share = over_frames_and_runs(Spread(1.0, 0.09, 7, 0.0), by_run, 0.5)
    runs = 0.21 * (1 / 3 + 0.5)
    assert interval.error**2 == pytest.approx(0.09 + runs)
    assert share == pytest.approx(runs / (0.09 + runs))


def test_corrected_resampled_t_by_hand():
    # Bouckaert and Frank (2004), with 5 folds: n2 / n1 = 1 / 4.
    by_run = np.array([0.2, 0.9, 1.3, 0.4, 0.7])
    interval = corrected_resampled(by_run, 0.25)
    t = by_run.mean() / np.sqrt((1 / 5 + 1 / 4) * by_run.var(ddof=1))
    assert interval.value == pytest.approx(0.7)
    assert interval.df == 4
    assert interval.p == pytest.approx(2 * stats.t.sf(t, 4))
    plain = 2 * stats.t.sf(by_run.mean() / np.sqrt(by_run.var(ddof=1) / 5), 4)
    assert interval.p > plain  # the plain t-test, for independent runs

"""Student's t against scipy."""

import math

import pytest
from scipy import stats

from mmseg_splashkd.statistics.student import critical, tail

DEGREES = (1, 2, 2.5, 5, 9.7, 30, 599, 1e5)


@pytest.mark.parametrize("df", DEGREES)
def test_tail(df: float):
    for t in (0.0, 0.3, 1.0, 2.57, 12.0):
        assert tail(t, df) == pytest.approx(2 * stats.t.sf(t, df), rel=1e-7, abs=1e-300)
    assert tail(math.inf, df) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("df", DEGREES)
def test_critical(df: float):
    for alpha in (0.5, 0.05, 1e-4):
        expected = stats.t.isf(alpha / 2, df)
        assert critical(alpha, df) == pytest.approx(expected, rel=1e-7)


def test_between_one_and_two_degrees_it_is_less_exact_but_right():
    assert critical(0.05, 1.3) == pytest.approx(stats.t.isf(0.025, 1.3), rel=1e-5)


@pytest.mark.parametrize(("t", "df"), [(-1.0, 5), (1.0, 0.5), (math.nan, 5)])
def test_tail_refuses(t: float, df: float):
    with pytest.raises(ValueError, match=f"df={df} 1 or more"):
        tail(t, df)


@pytest.mark.parametrize(("alpha", "df"), [(0.0, 5), (1.0, 5), (0.05, 0.9)])
def test_critical_refuses(alpha: float, df: float):
    with pytest.raises(ValueError, match=f"alpha={alpha} must lie in"):
        critical(alpha, df)

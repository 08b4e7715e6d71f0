"""Signs of another camera, against the prediction interval of Student's t."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mmseg_splashkd.statistics.event_errors import Signs, unlike
from tests.statistics.event_errors.worlds import World, reference

KNOWN = [0.80, 0.82, 0.84, 0.86, 0.88, 0.90]


@pytest.fixture
def known():
    made = reference(World(), np.random.default_rng(0), 6)
    return replace(made, signs=tuple(Signs(each, 1e-3, 0.02) for each in KNOWN))


def test_a_day_beyond_the_interval_is_unlike(known):
    half = stats.t.ppf(0.995, 5) * np.std(KNOWN, ddof=1) * math.sqrt(7 / 6)
    edge = float(np.mean(KNOWN) - half)
    assert unlike(known, Signs(edge + 1e-6, math.nan, math.nan)) == []
    (found,) = unlike(known, Signs(edge - 1e-6, math.nan, math.nan))
    assert found[:4] == ("confidence", edge - 1e-6, 0.80, 0.90)
    assert found.p == pytest.approx(0.01, rel=1e-3)


def test_shares_are_compared_by_their_logarithm(known):
    name = "calm_share"
    shares = [1e-4, 2e-4, 4e-4, 8e-4, 1e-4, 3e-4]
    none = Signs(math.nan, math.nan, math.nan)
    known = replace(known, signs=tuple(none._replace(**{name: s}) for s in shares))
    assert unlike(known, none._replace(**{name: 4e-3})) == []
    (found,) = unlike(known, none._replace(**{name: 0.05}))
    assert found.name == name


def test_times_are_compared_by_their_log_odds(known):
    none = Signs(math.nan, math.nan, math.nan)
    times = [0.2, 0.5, 0.35, 0.6, 0.3, 0.45]
    known = replace(known, signs=tuple(none._replace(event_time=t) for t in times))
    assert unlike(known, none._replace(event_time=0.85)) == []
    (found,) = unlike(known, none._replace(event_time=1.0))
    odds = np.log(np.array(times) / (1 - np.array(times)))
    error = odds.std(ddof=1) * math.sqrt(7 / 6)
    t = (math.log(0.995 / 0.005) - odds.mean()) / error
    assert (found.name, found.p) == ("event_time", pytest.approx(stats.t.sf(t, 5)))
    assert unlike(known, none._replace(event_time=0.0)) == []  # a quiet day


def test_blocks_that_are_all_alike(known):
    assert unlike(known, Signs(0.85, 1e-3, 0.02)) == []
    (found,) = unlike(known, Signs(0.85, 2e-3, 0.02))
    assert (found.name, found.p) == ("calm_share", pytest.approx(0.0))


def test_days_like_the_reference_are_rarely_called_unlike():
    rng = np.random.default_rng(0)
    made = reference(World(), rng, 12)
    called = []
    for _ in range(600):
        values = rng.normal(0.85, 0.02, 13)
        known = replace(
            made, signs=tuple(Signs(each, math.nan, math.nan) for each in values[:12])
        )
        called.append(bool(unlike(known, Signs(values[12], math.nan, math.nan))))
    assert np.mean(called) < 0.02


def test_a_sign_that_few_blocks_have_says_nothing(known):
    none = (Signs(math.nan, math.nan, math.nan),) * 4
    known = replace(known, signs=(*none, Signs(0.8, 0.1, 0.1), Signs(0.9, 0.1, 0.1)))
    assert unlike(known, Signs(0.1, 0.9, 0.9)) == []

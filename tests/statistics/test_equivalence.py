"""Two one-sided tests against SciPy, and the answers that follow from them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mmseg_splashkd.statistics import Settings, compare
from mmseg_splashkd.statistics.equivalence import (
    EACH_POWER,
    TWO_SIDED,
    equivalence_of,
    equivalence_p,
)
from mmseg_splashkd.statistics.intervals import interval_of
from mmseg_splashkd.statistics.planning import frames_needed
from mmseg_splashkd.statistics.simulation import World, simulate
from tests.statistics.builders import arms, pair
from tests.statistics.test_compare import FAST, only

ASKED = replace(FAST, equivalent=0.5)


@pytest.mark.parametrize(
    "values", [[0.1, 0.4, -0.3, 0.2], [0.4, 0.6, 0.7], [-1.2, -0.4, -1.1, -0.9, -2]]
)
def test_p_is_the_larger_of_two_t_tests(values: list[float]):
    each = np.array(values)
    found = interval_of(each.mean(), each.var(ddof=1) / len(each), len(each) - 1)
    both = [
        stats.ttest_1samp(each, -0.5, alternative="greater"),
        stats.ttest_1samp(each, 0.5, alternative="less"),
    ]
    larger = float(np.max([np.asarray(test)[1] for test in both]))
    assert equivalence_p(found, 0.5) == pytest.approx(larger)


@pytest.mark.parametrize(
    ("value", "error", "verdict", "expected"),
    [
        (0.1, 0.1, "cannot tell", "equivalent"),
        (-0.3, 0.05, "worse", "equivalent"),  # less than the margin matters
        (-0.9, 0.1, "worse", "worse"),
        (0.45, 0.1, "better", "better"),
        (0.1, 0.9, "cannot tell", "cannot tell"),
        (0.0, 0.0, "cannot tell", "equivalent"),  # the same on all frames
        (0.7, 0.0, "better", "better"),
    ],
)
def test_answers(value: float, error: float, verdict: str, expected: str):
    interval = interval_of(value, error**2, 20)
    p = equivalence_p(interval, 0.5)
    found = equivalence_of(interval, 0.5, p, verdict, None)
    assert found.verdict == expected
    # The same answer by the interval of 90 %.
    assert (found.low > -0.5 and found.high < 0.5) == (expected == "equivalent")
    assert found.high - value == pytest.approx(stats.t.isf(0.05, 20) * error)


def test_equal_arms_are_shown_to_be_on_so_many_frames():
    interval = interval_of(0.2, 0.16, 10)
    needed = frames_needed(
        0.5, interval, 100, more_blocks=False, alpha=TWO_SIDED, power=EACH_POWER
    )
    assert needed is not None
    error = math.sqrt(0.16 * 100 / needed)
    # The estimate, normal around 0, must lie within the margin less t standard errors.
    room = 0.5 - stats.t.isf(0.05, 10) * error
    power = stats.norm.cdf(room / error) - stats.norm.cdf(-room / error)
    assert power == pytest.approx(0.8, abs=0.01)


def twins(frames: int, better: float = 0.0, seed: int = 0) -> np.ndarray:
    """(2, N, 2, 2) counts of a model and its nearly equal copy."""
    world = World(own=0.02, noise=0.02)
    skill = np.array([[[0.0, better]]])
    return simulate(world, np.random.default_rng(seed), frames, skill)[0, 0]


def test_a_copy_is_equivalent_and_another_model_is_not_known_to_be():
    found = only(compare(arms(twins(300)), ASKED))
    assert found.equivalence is not None
    assert found.equivalence.verdict == "equivalent"
    assert (found.equivalence.margin, found.verdict) == (0.5, "cannot tell")
    other = only(compare(arms(pair(100)), ASKED)).equivalence
    assert other is not None
    assert other.verdict == "cannot tell"
    assert other.more_frames is not None
    assert other.more_frames > 0
    worse = only(compare(arms(twins(300, better=-0.3)), ASKED)).equivalence
    assert worse is not None
    assert worse.verdict == "worse"


def test_it_is_answered_only_when_asked_and_where_there_is_an_interval():
    assert only(compare(arms(pair(100)), FAST)).equivalence is None
    assert only(compare(arms(pair(20)), ASKED)).equivalence is None  # too few blocks


def test_p_is_adjusted_for_several_arms():
    one = twins(300)
    alone = only(compare(arms(one), ASKED)).equivalence
    among = compare(arms(np.stack([*one, one[1]])), ASKED).differences
    found = [each.equivalence for each in among if each.metric == "Dice.splash"]
    assert alone is not None
    assert found[0] is not None
    assert found[0].p == pytest.approx(2 * alone.p)
    assert found[0].low == alone.low


@pytest.mark.parametrize("margin", [0.0, -1.0, math.nan, math.inf])
def test_a_margin_is_above_0(margin: float):
    with pytest.raises(ValueError, match="must be a margin above 0 points"):
        Settings(equivalent=margin)

"""Sample size against the noncentral t, and Holm by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from mmseg_splashkd.statistics.intervals import interval_of
from mmseg_splashkd.statistics.planning import frames_needed, holm


@pytest.mark.parametrize("frames", [60, 300])
def test_power_is_80_percent_on_so_many_frames(frames: int):
    blocks = round(frames**0.5 / 1.3)
    interval = interval_of(0.5, 0.49, blocks - 1)
    needed = frames_needed(0.5, interval, frames)
    assert needed is not None
    assert needed > frames
    grown = needed / frames
    df = blocks * math.sqrt(grown) - 1
    delta = 0.5 / (0.7 / math.sqrt(grown))
    power = stats.nct.sf(stats.t.isf(0.025, df), df, delta)
    assert power == pytest.approx(0.8, abs=0.02)


def test_a_large_difference_needs_fewer_than_there_are():
    needed = frames_needed(10.0, interval_of(10.0, 0.49, 10), 200)
    assert needed is not None
    assert needed < 200


@pytest.mark.parametrize(
    ("difference", "share"), [(0.0, 0.0), (1e-6, 0.0), (0.5, 0.9), (0.5, 1.0)]
)
def test_when_no_number_is_enough(difference: float, share: float):
    interval = interval_of(difference, 0.49, 10)
    assert frames_needed(difference, interval, 60, share) is None


def test_runs_that_differ_need_more_frames():
    interval = interval_of(1.0, 0.36, 10)
    alone = frames_needed(1.0, interval, 60, 0.0, more_blocks=False)
    beside = frames_needed(1.0, interval, 60, 0.2, more_blocks=False)
    assert alone is not None
    assert beside is not None
    needs = (stats.t.isf(0.025, 10) + stats.norm.isf(0.2)) ** 2
    assert alone == pytest.approx(60 * 0.36 * needs, abs=1.5)
    assert beside == pytest.approx(60 * 0.288 / (1 / needs - 0.072), abs=1.5)


def test_no_variance_needs_one_frame():
    assert frames_needed(1.0, interval_of(0.0, 0.0, 5), 60) == 1


def test_holm_by_hand():
    # Three comparisons: 0.01 x 3, 0.03 x 2, then 0.04 x 1, but not below the last.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_holm_keeps_the_family_wise_error():
    rng = np.random.default_rng(0)
    claimed = [min(holm(list(rng.random(4)))) < 0.05 for _ in range(4000)]
    assert np.mean(claimed) == pytest.approx(0.05, abs=0.012)

"""Draws of what was true, against distributions that are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mmseg_splashkd.statistics.event_errors import Predictor, Seen
from mmseg_splashkd.statistics.event_errors.draws import Scale
from tests.statistics.event_errors.worlds import INTERVAL, World, reference

EXACT = World(bias=0.0, of_day=0.0, of_event=0.0, false=0.0, missed=0.0)
STRONG = Seen(5 * INTERVAL, 1.5, 0.03, 0.9)
WEAK = Seen(INTERVAL, 0.2, 0.008, 0.6)


def predictor(world: World, draws: int = 2000, days: int = 40) -> Predictor:
    return Predictor(reference(world, np.random.default_rng(1), days), draws, 0)


def test_a_bias_is_corrected():
    world = EXACT._replace(bias=-0.5)
    drawn = predictor(world).draw([STRONG], [0], [3600.0], INTERVAL, 0)
    is_real = drawn.true[:, 0] > 0
    assert is_real.mean() > 0.98
    areas = drawn.area_share_s[is_real, 0]
    np.testing.assert_allclose(areas, 1.5 * np.exp(-0.5), rtol=0.02)
    assert (drawn.area_share_s[~is_real] == 0).all()


def test_errors_vary_as_the_world_does():
    world = World(of_day=0.3, of_event=0.2, false=0.0, missed=0.0)
    made = predictor(world, 4000, 100)
    drawn = made.draw([STRONG] * 2, [0, 0], [3600.0], INTERVAL, 0)
    kept = (drawn.true > 0).all(1)
    logs = np.log(drawn.area_share_s[kept] / 1.5)
    covariance = np.cov(logs.T)
    assert covariance[0, 0] == pytest.approx(0.3**2 + 0.2**2, rel=0.2)
    assert covariance[0, 1] == pytest.approx(0.3**2, rel=0.3)


def test_false_alarms_are_told_by_peak_and_confidence():
    drawn = predictor(World(false=0.4), days=60).draw(
        [STRONG, WEAK], [0, 0], [3600.0], INTERVAL, 0
    )
    real = (drawn.true > 0).mean(0)
    assert real[0] > 0.95
    # Of the weak found events, 8 * 0.2 are false and 8 * 0.15 are real on a day.
    assert real[1] == pytest.approx(0.15 / 0.35, abs=0.1)


def test_missed_events_are_negative_binomial():
    world = EXACT._replace(missed=0.25)
    made = predictor(world, 6000, 60)
    drawn = made.draw([STRONG] * 10, [0] * 10, [3600.0], INTERVAL, 0)
    known = made._reference
    share = len(known.missed) / (len(known.missed) + sum(e.true for e in known.found))
    expected = stats.nbinom(10.5, 1 - share)
    assert drawn.missed.mean() == pytest.approx(expected.mean(), rel=0.05)
    assert drawn.missed.var() == pytest.approx(expected.var(), rel=0.1)
    sizes = np.array([each.area_share_s for each in known.missed])
    mean = drawn.missed_share_s.sum() / drawn.missed.sum()
    assert mean == pytest.approx(sizes.mean(), rel=0.05)


def test_spans_sum_to_the_day_and_follow_what_was_found():
    made = predictor(EXACT._replace(missed=0.25), 6000, 60)
    seen, spans = [STRONG] * 10, [0] * 9 + [1]
    drawn = made.draw(seen, spans, [3600.0, 3600.0], INTERVAL, 0)
    assert drawn.missed.shape == (6000, 2)
    one, other = drawn.missed.mean(0)
    assert one / other == pytest.approx(9.25 / 1.25, rel=0.1)
    whole = made.draw(seen, [0] * 10, [7200.0], INTERVAL, 0)
    assert drawn.missed.sum(1).mean() == pytest.approx(whole.missed.mean(), rel=0.05)
    assert drawn.missed.sum(1).var() == pytest.approx(whole.missed.var(), rel=0.1)


def test_where_nothing_was_missed_the_smallest_may_be():
    made = predictor(EXACT, 6000)
    drawn = made.draw([STRONG] * 40, [0] * 40, [3600.0], INTERVAL, 0)
    assert 0 < drawn.missed.mean() < 0.5
    sizes = drawn.missed_share_s[drawn.missed == 1]
    real = sorted(each.area_share_s for each in made._reference.real)
    assert sizes.max() <= real[len(real) // 10]


def test_a_day_without_events_may_have_missed_one():
    drawn = predictor(EXACT._replace(missed=0.3)).draw([], [], [3600.0], INTERVAL, 0)
    assert drawn.true.shape == (2000, 0)
    assert 0 < drawn.missed.mean() < 0.5


def test_a_day_does_not_depend_on_other_days():
    made = predictor(World())
    first = made.draw([STRONG, WEAK], [0, 0], [3600.0], INTERVAL, 5)
    made.draw([WEAK], [0], [3600.0], INTERVAL, 6)
    again = made.draw([STRONG, WEAK], [0, 0], [3600.0], INTERVAL, 5)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    other_day = made.draw([STRONG, WEAK], [0, 0], [3600.0], INTERVAL, 7)
    assert not np.array_equal(first.area_share_s, other_day.area_share_s)


def test_a_day_of_very_many_events_has_fewer_draws():
    made = predictor(World(), 2000, 12)
    drawn = made.draw([STRONG] * 10_000, [0] * 10_000, [3600.0], INTERVAL, 0)
    assert drawn.true.shape == drawn.area_share_s.shape == (400, 10_000)
    assert drawn.missed.shape == (400, 1)


def test_durations_are_whole_frames():
    drawn = predictor(World()).draw([STRONG], [0], [3600.0], 20.0, 0)
    is_real = drawn.true[:, 0] > 0
    frames = drawn.duration_s[is_real, 0] / 20.0
    np.testing.assert_array_equal(frames, np.round(frames))
    assert frames.min() >= 1


def test_mergers_are_drawn_from_events_of_similar_duration():
    known = reference(EXACT, np.random.default_rng(1), 40)
    long = [
        each._replace(true=2 if each.seen.duration_s > 5 * INTERVAL else each.true)
        for each in known.found
    ]
    made = Predictor(replace(known, found=tuple(long)), 2000, 0)
    short, longest = (
        STRONG._replace(duration_s=INTERVAL),
        STRONG._replace(duration_s=9 * INTERVAL),
    )
    drawn = made.draw([short, longest], [0, 0], [3600.0], INTERVAL, 0).true
    assert drawn[drawn[:, 0] > 0, 0].mean() < 1.3
    assert drawn[drawn[:, 1] > 0, 1].mean() > 1.8


def test_what_is_beyond_the_known_is_held_at_its_edge():
    scale = Scale(np.array([[0.0, 5.0], [2.0, 5.0]]))
    rows = scale.rows(np.array([[1.0, 5.0], [9.0, 7.0], [-9.0, 5.0]]))
    np.testing.assert_allclose(rows, [[1, 0, 0], [1, 1, 0], [1, -1, 0]])

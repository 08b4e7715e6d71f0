"""Intervals hold where the errors are those of the reference."""

import math

import numpy as np
import pytest

from mmseg_splashkd.statistics.event_errors import Predictor, correct_day
from mmseg_splashkd.statistics.event_errors.corrected import estimate, estimate_number
from tests.statistics.event_errors.worlds import INTERVAL, World, drawn_day, reference

DAYS = 200


def test_an_estimate_is_the_mean_and_quantiles():
    values = np.arange(1001.0)
    assert estimate(values) == (500.0, 25.0, 975.0)


def test_a_number_has_the_shortest_interval_with_95_percent():
    draws = np.repeat([0, 1, 2, 3, 9], [2, 60, 30, 3, 5])
    found = estimate_number(np.random.default_rng(0).permutation(draws))
    assert found == (pytest.approx(draws.mean()), 0, 3)  # exactly 95 of 100
    assert estimate(draws)[1:] != (0, 3)
    more = np.append(draws, 9)  # 95 of 101 are less than 95 %
    assert estimate_number(more)[1:] == (1, 9)
    assert estimate_number(np.repeat([4, 5], [96, 4]))[1:] == (4, 4)
    assert estimate_number(np.zeros(7)) == (0, 0, 0)
    # Of two that are as short, the lower one.
    assert estimate_number(np.repeat([1, 2, 3], [5, 90, 5]))[1:] == (1, 2)


def test_whole_numbers_are_covered_as_meant():
    """Of Poisson numbers whose mean is known; quantiles would hold 98 %."""
    rng = np.random.default_rng(1)
    held = {estimate: 0, estimate_number: 0}
    for _ in range(2000):
        draws, true = rng.poisson(3, 1000), rng.poisson(3)
        for each in held:
            _, low, high = each(draws)
            held[each] += low <= true <= high
    assert 0.945 <= held[estimate_number] / 2000 <= 0.975
    assert held[estimate] > held[estimate_number]


@pytest.fixture(scope="module")
def held() -> dict[str, list[bool]]:
    """Whether the intervals of 200 days hold, each by a reference of its own."""
    world, found = World(), {}
    for seed in range(DAYS):
        rng = np.random.default_rng(seed)
        known, day = reference(world, rng), drawn_day(world, rng)
        done = correct_day(
            Predictor(known, 400, seed),
            [each.seen for each in day.found],
            [0] * len(day.found),
            [3600.0],
            INTERVAL,
            0,
        )
        both = [*day.found, *day.missed]
        true = (
            sum(each.true for each in day.found) + len(day.missed),
            sum(each.duration_s for each in both),
            sum(each.area_share_s for each in both),
        )
        for name, interval, value in zip(
            ("events", "duration", "area"), done.day[1:], true, strict=True
        ):
            inside = interval.low - 1e-9 <= value <= interval.high + 1e-9
            found.setdefault(name, []).append(inside)
        for event, corrected in zip(day.found, done.events, strict=True):
            if event.true and not math.isnan(corrected.real):
                low, high = corrected.area_share_s[1:]
                inside = low <= event.area_share_s <= high
                found.setdefault("event area", []).append(inside)
    return found


@pytest.mark.parametrize("quantity", ["events", "duration", "area", "event area"])
def test_intervals_hold(held, quantity):
    share = float(np.mean(held[quantity]))
    assert 0.92 <= share <= 0.99, share


def test_an_event_that_is_hardly_ever_real_has_no_interval():
    known = reference(World(false=0.9), np.random.default_rng(0), 60)
    weakest = min(known.found, key=lambda each: each.seen.confidence).seen
    done = correct_day(Predictor(known, 60, 0), [weakest], [0], [3600.0], INTERVAL, 0)
    (event,) = done.events
    assert event.real < 0.5
    assert math.isnan(event.area_share_s.low)
    assert done.day.found == 1


def test_spans_have_their_own_events():
    known = reference(World(), np.random.default_rng(0))
    seen = [each.seen for each in known.real[:5]]
    done = correct_day(
        Predictor(known), seen, [0, 0, 2, 2, 2], [3600.0] * 3, INTERVAL, 0
    )
    assert [each.found for each in done.spans] == [2, 0, 3]
    means = [each.duration_s.value for each in done.spans]
    assert sum(means) == pytest.approx(done.day.duration_s.value)
    assert done.spans[1].events.value < 1

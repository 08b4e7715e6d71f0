import json
import math

import numpy as np
import pytest

from mmseg_splashkd.evaluation.events import ExponentialAverage
from tests.evaluation.events.series import SECOND


def series(seed: int = 0):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.integers(1, 4 * SECOND, 50)).tolist()
    return times, rng.random((50, 3, 4))


def by_weights(times, values, tau: float) -> np.ndarray:
    """The last average as a sum of all values, weighted by their age."""
    ages = (times[-1] - np.array(times)) / SECOND
    fade = np.exp(-ages / tau)
    weights = np.append(fade[0], np.diff(fade))  # their sum is 1
    assert weights.sum() == pytest.approx(1)
    return np.tensordot(weights, np.array(values), 1)


def test_the_average_is_a_weighted_sum_of_all_values():
    times, maps = series()
    average = ExponentialAverage(5.0)
    for row, (time_ns, each) in enumerate(zip(times, maps, strict=True), 1):
        found = average.add(time_ns, each)
        expected = by_weights(times[:row], maps[:row], 5.0)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_numbers_are_averaged_as_maps_are():
    times, maps = series()
    one, other = ExponentialAverage(2.0), ExponentialAverage(2.0)
    for time_ns, each in zip(times, maps, strict=True):
        number = one.add(time_ns, float(each[1, 2]))
        assert isinstance(number, float)
        assert number == other.add(time_ns, each)[1, 2]


def test_a_step_is_followed_to_63_percent_at_any_frame_rate():
    for frames in (1, 7, 300):
        average = ExponentialAverage(3.0)
        average.add(0, 0.0)
        for frame in range(1, frames + 1):
            found = average.add(3 * SECOND * frame // frames, 1.0)
        assert found == pytest.approx(1 - math.exp(-1), rel=1e-9)


def test_an_average_that_was_stopped_goes_on():
    times, maps = series()
    for values in (maps, maps[:, 0, 0].tolist()):
        whole, average = ExponentialAverage(4.0), ExponentialAverage(4.0)
        for time_ns, each in zip(times, values, strict=True):
            state = json.loads(json.dumps(average.state()))
            average = ExponentialAverage.resume(state)
            assert np.array_equal(average.add(time_ns, each), whole.add(time_ns, each))


def test_a_result_may_be_changed_without_changing_the_average():
    average = ExponentialAverage(1.0)
    first = np.ones(2)
    average.add(0, first)[:] = 9
    first[:] = 9
    assert average.add(SECOND, np.ones(2)).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("time_ns", "value", "message"),
    [
        (SECOND, np.ones(2), "time_ns=1000000000 is not after the last frame"),
        (
            2 * SECOND,
            np.ones(3),
            r"value has shape \(3,\), and the average \(2,\): beg",
        ),
        (2 * SECOND, np.array([1, np.nan]), "value is not finite: leave out the frame"),
    ],
)
def test_a_refused_frame_leaves_the_average_as_it_was(time_ns, value, message):
    average = ExponentialAverage(1.0)
    average.add(SECOND, np.ones(2))
    before = average.state()
    with pytest.raises(ValueError, match=message):
        average.add(time_ns, value)
    assert average.state() == before


def test_arguments_and_damaged_states_are_refused():
    for tau in (0, -1, math.inf, math.nan):
        with pytest.raises(ValueError, match=f"tau_s={tau}.*: give a time constant"):
            ExponentialAverage(tau)
    state = ExponentialAverage(1.0).state()
    for damaged in ({}, state | {"version": 0}, state | {"tau_s": None}):
        with pytest.raises(ValueError, match="begin with a new ExponentialAverage"):
            ExponentialAverage.resume(damaged)

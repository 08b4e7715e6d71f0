import numpy as np
import pytest

from mmseg_splashkd.evaluation.interleaved import Spread, ratios, spread, time_in_turn


class Machine:
    """A clock, and passes that take a time each; everything slows down for a while.

    Args:
        slow: Numbers of the passes that take ten times as long.
    """

    def __init__(self, slow=()):
        self.now, self.slow, self.ran = 0.0, slow, []

    def clock(self):
        return self.now

    def passing(self, name, seconds):
        def run():
            factor = 10 if len(self.ran) in self.slow else 1
            self.ran.append(name)
            self.now += factor * seconds

        return run


def passes_of(machine):
    return {
        name: machine.passing(name, seconds)
        for name, seconds in {"a": 1.0, "b": 2.0, "c": 4.0}.items()
    }


def test_each_model_runs_once_per_round_in_an_order_that_turns():
    machine = Machine()
    times = time_in_turn(passes_of(machine), 3, machine.clock)
    assert "".join(machine.ran) == "abc" + "cba" + "abc" + "cba"
    assert times == {"a": [1.0] * 3, "b": [2.0] * 3, "c": [4.0] * 3}


def test_the_first_round_is_a_warm_up():
    machine = Machine(slow=range(3))
    times = time_in_turn(passes_of(machine), 1, machine.clock)
    assert times == {"a": [1.0], "b": [2.0], "c": [4.0]}


def test_what_precedes_a_pass_is_not_timed():
    machine = Machine()
    before = {"b": machine.passing("-", 100.0)}
    times = time_in_turn(passes_of(machine), 1, machine.clock, before)
    assert "".join(machine.ran) == "a-bc" + "c-ba"
    assert times == {"a": [1.0], "b": [2.0], "c": [4.0]}


def test_a_busy_time_changes_no_ratio():
    # Rounds 1 and 2 of three are slow: medians are, ratios of the same round are not.
    machine = Machine(slow=range(3, 9))
    times = time_in_turn(passes_of(machine), 3, machine.clock)
    assert spread(times["c"]).median == 40.0
    assert ratios(times["c"], times["a"]) == Spread(4.0, 4.0, 4.0)
    # Measured one after the other, a would have been slow alone.
    assert spread(times["a"]).median > 4.0


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_spread_is_median_and_quartiles(count):
    values = np.random.default_rng(count).random(count).tolist()
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    assert spread(values) == pytest.approx((median, low, high))


def test_ratios_are_of_the_same_rounds():
    low, median, high = np.quantile([2 / 1, 9 / 3, 8 / 2], [0.25, 0.5, 0.75])
    assert ratios([2.0, 9.0, 8.0], [1.0, 3.0, 2.0]) == (median, low, high)
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_no_round_is_refused():
    with pytest.raises(ValueError, match="rounds=0 must be at least 1"):
        time_in_turn({}, 0)

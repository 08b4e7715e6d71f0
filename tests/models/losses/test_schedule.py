"""Values worked out by hand, the edges, and each error."""

import math

import pytest

from mmseg_splashkd.models.losses.schedule import KINDS, Schedule, schedule_of

RAMP = {"start": 1.0, "end": 3.0, "begin": 10, "until": 20}


@pytest.mark.parametrize("kind", ["linear", "cosine"])
@pytest.mark.parametrize(
    ("iteration", "value"), [(0, 1.0), (9, 1.0), (10, 1.0), (20, 3.0), (21, 3.0)]
)
def test_before_begin_it_is_start_and_from_until_on_it_is_end(kind, iteration, value):
    assert Schedule(kind=kind, **RAMP)(iteration) == value


@pytest.mark.parametrize(
    ("kind", "iteration", "value"),
    [
        ("linear", 11, 1.2),
        ("linear", 15, 2.0),
        ("linear", 19, 2.8),
        ("cosine", 11, 1 + (1 - math.cos(math.pi / 10))),
        ("cosine", 15, 2.0),
        ("cosine", 18, 1 + (1 - math.cos(0.8 * math.pi))),
    ],
)
def test_between_it_follows_its_kind(kind, iteration, value):
    assert Schedule(kind=kind, **RAMP)(iteration) == pytest.approx(value)


def test_cosine_is_flat_at_both_ends():
    linear, cosine = (Schedule(kind=kind, **RAMP) for kind in ("linear", "cosine"))

    assert cosine(11) < linear(11)
    assert cosine(19) > linear(19)
    first, last = cosine(11) - cosine(10), cosine(20) - cosine(19)
    assert first == pytest.approx(last)
    assert first < (cosine(16) - cosine(15)) / 3


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_a_value_may_decrease(kind):
    schedule = Schedule(kind=kind, start=2.0, end=0.0, until=4)

    assert [schedule(i) for i in (0, 2, 4)] == pytest.approx([2, 1, 0])


def test_a_constant_is_always_end():
    schedule = Schedule(0.7, start=5.0, begin=10, until=20)

    assert {schedule(i) for i in (0, 10, 15, 20, 10**6)} == {0.7}


@pytest.mark.parametrize("kind", KINDS)
def test_from_stop_at_on_it_is_0(kind):
    schedule = Schedule(kind=kind, stop_at=15, **RAMP)
    free = Schedule(kind=kind, **RAMP)

    assert [schedule(i) for i in (0, 14)] == [free(i) for i in (0, 14)]
    assert [schedule(i) for i in (15, 16, 100)] == [0, 0, 0]


def test_stop_at_0_is_always_0():
    assert Schedule(1.0, stop_at=0)(0) == 0


def test_warming_up_as_documented():
    schedule = schedule_of({"kind": "linear", "end": 0.5, "until": 1000}, "weight")

    assert [schedule(i) for i in (0, 500, 1000, 4000)] == [0, 0.25, 0.5, 0.5]


@pytest.mark.parametrize("value", [0, 1, 0.25])
def test_a_number_is_a_constant(value):
    schedule = schedule_of(value, "weight")

    assert schedule == Schedule(value)
    assert schedule(0) == schedule(10**6) == schedule.peak == value
    assert not schedule.changes


@pytest.mark.parametrize(
    ("arguments", "peak", "changes"),
    [
        ({"end": 0.5}, 0.5, False),
        ({"end": 0.5, "stop_at": 7}, 0.5, True),
        ({"end": 0.5, "kind": "linear", "until": 5}, 0.5, True),
        ({"end": 0.5, "start": 2.0, "kind": "cosine", "until": 5}, 2.0, True),
    ],
)
def test_peak_is_the_largest_value(arguments, peak, changes):
    schedule = schedule_of(arguments, "weight")

    assert schedule.peak == peak
    assert schedule.changes is changes
    assert max(schedule(i) for i in range(10)) == peak


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"end": 1, "untill": 5}, r"weight has \['untill'\]; it takes .*'until'"),
        ({"kind": "linear", "until": 5}, "lacks end"),
        ({"end": 1, "kind": "step"}, r"weight.kind must be one of .*: 'step'"),
        (-0.1, "weight must be finite and >= 0, got -0.1"),
        (math.nan, "weight must be finite and >= 0, got nan"),
        (math.inf, "weight must be finite and >= 0, got inf"),
        ("1", "weight must be a number or a schedule: '1'"),
        (None, "weight must be a number or a schedule: None"),
        (True, "weight must be a number or a schedule: True"),
        (
            {"kind": "linear", "end": 1, "start": -2, "until": 3},
            "weight must be finite and >= 0, got -2",
        ),
        ({"end": 1, "start": 0, "until": 9}, "weight has .*'start', 'until'.* no kind"),
        (
            {"kind": "linear", "end": 1, "until": "1e3"},
            "weight.until must be an iteration, got '1e3'",
        ),
        (
            {"kind": "linear", "end": 1, "until": 2.5},
            "weight.until must be an iteration, got 2.5",
        ),
        ({"end": "1"}, "weight must be a number or a schedule: '1'"),
        (
            {"end": 1, "kind": "linear"},
            "needs 0 <= begin < until, got begin=0, until=0",
        ),
        (
            {"end": 1, "kind": "cosine", "begin": 5, "until": 5},
            "a cosine schedule needs",
        ),
        ({"end": 1, "kind": "linear", "begin": 6, "until": 5}, "begin=6, until=5"),
        ({"end": 1, "kind": "linear", "begin": -1, "until": 5}, "begin=-1"),
        ({"end": 1, "stop_at": -1}, "weight.stop_at must be >= 0, got -1"),
    ],
)
def test_invalid_schedules_are_refused(value, message):
    with pytest.raises(ValueError, match=message):
        schedule_of(value, "weight")

"""Events of a series: by hand, beside an offline computation, and after a restart."""

import json
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_splashkd.evaluation.events import EventFinder, EventSettings, find_events
from mmseg_splashkd.evaluation.events.event import Span
from tests.evaluation.events.series import (
    SECOND,
    offline,
    random_series,
    random_settings,
)

PLAIN = EventSettings(min_seconds=0, gap_seconds=0)
ON, OFF = PLAIN.on, PLAIN.off
SPAN = [field.name for field in fields(Span)]
LOW, WEAK, HIGH = 0.0, 0.0015, 0.004


def spans(found) -> list[tuple[float, float]]:
    return [(each.start_ns / SECOND, each.end_ns / SECOND) for each in found]


def find(shares, settings=PLAIN, seconds=None, interval_s: float | None = 1.0):
    seconds = range(len(shares)) if seconds is None else seconds
    times = [round(each * SECOND) for each in seconds]
    return find_events(times, shares, settings, interval_s)


def assert_equal(found, expected) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        approximate = {"area_share_s", "intensity"}
        for name in one._fields:
            ours, theirs = getattr(one, name), getattr(other, name)
            if name in approximate:
                assert ours == pytest.approx(theirs, rel=1e-12), name
            else:
                assert ours == theirs, name


# By hand


def test_an_event_by_hand():
    (found,) = find([LOW, 0.001, 0.004, 0.002, 0.0005], seconds=[0, 1, 3, 4, 6])
    assert found._replace(area_share_s=0, intensity=0) == (
        *(1 * SECOND, 4 * SECOND, 5.0, 0.004, 3 * SECOND, 0, 0, 3, False, False),
    )
    # Each frame lasts until the next one: 2 s, 1 s and 2 s.
    area = 0.001 * 2 + 0.004 * 1 + 0.002 * 2
    assert found.area_share_s == pytest.approx(area)
    assert found.intensity == pytest.approx(area / 5)


def test_thresholds_are_reached_by_equal_shares():
    below_on, below_off = np.nextafter(ON, 0), np.nextafter(OFF, 0)
    assert spans(find([LOW, OFF, ON, OFF, below_off, LOW])) == [(1, 3)]
    assert spans(find([LOW, below_off, ON, below_off])) == [(2, 2)]
    assert find([LOW, below_on, below_on, LOW]) == []
    assert find([LOW] * 4) == find([]) == []


def test_a_run_is_one_event_however_often_it_reaches_on():
    assert spans(find([LOW, WEAK, HIGH, WEAK, WEAK, HIGH, WEAK, LOW])) == [(1, 6)]


def test_gaps_are_bridged_up_to_their_longest():
    shares = [LOW, HIGH, LOW, LOW, WEAK, HIGH, LOW, LOW, LOW, LOW]
    for gap, expected in (
        (2.999, [(1, 1), (4, 5)]),
        (3.0, [(1, 5)]),  # from the last frame to the first weak one
    ):
        chosen = EventSettings(min_seconds=0, gap_seconds=gap)
        assert spans(find(shares, chosen)) == expected
    (found,) = find(shares, EventSettings(min_seconds=0, gap_seconds=3))
    assert found.frames == 5
    assert found.area_share_s == pytest.approx(2 * HIGH + WEAK)
    assert found.duration_s == 5


def test_a_weak_run_is_no_bridge():
    shares = [LOW, HIGH, LOW, WEAK, LOW, HIGH, LOW]
    assert len(find(shares, EventSettings(min_seconds=0, gap_seconds=3.9))) == 2
    assert len(find(shares, EventSettings(min_seconds=0, gap_seconds=4))) == 1


def test_events_shorter_than_the_shortest_are_dropped():
    shares = [LOW, HIGH, HIGH, LOW]
    for shortest, number in ((2.0, 1), (2.001, 0)):
        chosen = EventSettings(min_seconds=shortest, gap_seconds=0)
        assert len(find(shares, chosen)) == number
    # Duration is that of what was joined.
    chosen = EventSettings(min_seconds=3, gap_seconds=2)
    assert spans(find([LOW, HIGH, LOW, HIGH, LOW], chosen)) == [(1, 3)]


def test_a_record_that_begins_and_ends_in_an_event_is_open():
    (found,) = find([HIGH] * 3)
    assert (found.begins_open, found.ends_open) == (True, True)
    assert (found.duration_s, found.frames) == (3, 3)
    (found,) = find([LOW, HIGH, LOW])
    assert (found.begins_open, found.ends_open) == (False, False)


def test_one_frame_lasts_for_the_interval_if_it_is_known():
    (found,) = find([HIGH], interval_s=2)
    assert (found.duration_s, found.area_share_s) == (2, 2 * HIGH)
    assert found.intensity == HIGH
    (found,) = find([HIGH], interval_s=None)
    assert (found.duration_s, found.area_share_s, found.intensity) == (0, 0, HIGH)
    assert find([HIGH], EventSettings(), interval_s=None) == []


def test_a_pause_ends_an_event_and_says_so():
    seconds = [0, 1, 2, 13.001, 14, 15]
    shares = [LOW, HIGH, HIGH, HIGH, HIGH, LOW]
    first, second = find(shares, EventSettings(gap_seconds=99), seconds)
    assert (first.begins_open, first.ends_open) == (False, True)
    assert (second.begins_open, second.ends_open) == (True, False)
    assert first.duration_s == 2  # the frame before the pause lasts for an interval
    seconds[3] = 12  # ten intervals are no pause
    assert spans(find(shares, PLAIN, seconds)) == [(1, 14)]
    # A pause after the event was over leaves it closed, and nothing is joined over it.
    shares, seconds = [HIGH, LOW, HIGH, LOW], [0, 1, 30, 31]
    found = find(shares, EventSettings(min_seconds=0, gap_seconds=99), seconds)
    assert [each.ends_open for each in found] == [False, False]
    assert found[1].begins_open


def test_an_estimated_interval_finds_a_pause_from_three_steps_on():
    seconds, shares = [0, 1, 2, 3, 15, 16], [HIGH] * 6
    assert spans(find(shares, PLAIN, seconds, None)) == [(0, 3), (15, 16)]
    assert spans(find([HIGH] * 3, PLAIN, [0, 1, 13], None)) == [(0, 13)]


def test_another_frame_rate_becomes_the_interval():
    slow = np.cumsum([20] * 40)
    seconds = [*range(40), *(39 + slow)]
    found = find([HIGH] * 80, PLAIN, seconds, None)
    assert len(found) == 17  # 16 pauses until the median is 20 s
    assert found[-1].frames == 80 - 40 - 15


# Beside the offline computation


@pytest.mark.parametrize("interval_s", [None, 1.0])
def test_random_series_have_the_events_of_an_offline_computation(interval_s):
    numbers = []
    for seed in range(300):
        times, shares = random_series(seed)
        chosen = random_settings(seed)
        found = find_events(times, shares, chosen, interval_s)
        assert_equal(found, offline(times, shares, chosen, interval_s))
        numbers.append(len(found))
    assert np.mean(numbers) > 3
    assert min(numbers) < 2


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 40), st.sampled_from([0, OFF / 2, OFF, WEAK, ON, HIGH])
        ),
        max_size=40,
    ),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_any_series_has_the_events_of_an_offline_computation(frames, shortest, gap):
    chosen = EventSettings(min_seconds=shortest / 2, gap_seconds=gap / 2)
    times = np.cumsum([step for step, _ in frames], dtype=np.int64) * (SECOND // 2)
    shares = np.array([share for _, share in frames], float)
    found = find_events(times, shares, chosen, 0.5)
    assert_equal(found, offline(times, shares, chosen, 0.5))


# Frame by frame


@pytest.mark.parametrize("interval_s", [None, 1.0])
def test_a_finder_that_was_stopped_finds_the_same(interval_s):
    for seed in range(60):
        times, shares = random_series(seed)
        chosen = random_settings(seed)
        whole = EventFinder(chosen, interval_s)
        expected = [whole.add(*frame) for frame in zip(times, shares, strict=True)]
        cuts = set(np.random.default_rng(seed).integers(0, len(times), 12).tolist())
        finder, found = EventFinder(chosen, interval_s), []
        for row, frame in enumerate(zip(times, shares, strict=True)):
            if row in cuts:
                state = json.loads(json.dumps(finder.state()))
                finder = EventFinder.resume(chosen, state)
            found.append(finder.add(*frame))
        assert found == expected  # bit for bit, and with the same frame
        assert finder.state() == whole.state()
        assert finder.close() == whole.close()


def test_memory_is_constant():
    finder, sizes = EventFinder(), set()
    times, shares = random_series(0, 3000)
    for time_ns, share in zip(times, shares, strict=True):
        finder.add(time_ns, share)
        state = finder.state()
        sizes.add(len(state["steps_ns"]) + sum(map(len, filter(None, _spans(state)))))
    assert max(sizes) <= 31 + 3 * 8


def _spans(state: dict) -> list:
    return [state["kept"], state["tail"], state["run"]]


def test_events_are_told_as_soon_as_nothing_can_join_them():
    finder = EventFinder(EventSettings(min_seconds=0, gap_seconds=2), 1)
    told = [
        len(finder.add(second * SECOND, share))
        for second, share in enumerate([HIGH, LOW, LOW, LOW, HIGH, LOW, WEAK, WEAK])
    ]
    assert told == [0, 0, 1, 0, 0, 0, 0, 0]  # the weak run may still reach ``on``
    assert len(finder.add(8 * SECOND, LOW)) == 1
    assert finder.close() == []


def test_the_current_event_is_shown_while_it_goes_on():
    finder = EventFinder(interval_s=1)
    assert finder.current is None
    finder.add(0, WEAK)
    assert finder.current is None
    finder.add(SECOND, HIGH)
    assert finder.current is not None
    assert (finder.current.start_ns, finder.current.peak_share) == (0, HIGH)
    assert finder.current.duration_s == 1
    finder.add(2 * SECOND, LOW)
    assert finder.current is None


def test_a_closed_finder_takes_another_stretch():
    finder = EventFinder(PLAIN, 1)
    finder.add(0, HIGH)
    assert len(finder.close()) == 1
    assert finder.close() == []
    finder.add(SECOND, HIGH)
    (found,) = finder.close()
    assert found.begins_open
    assert found.start_ns == SECOND


@pytest.mark.parametrize(
    ("time_ns", "share", "message"),
    [
        (SECOND, 0.1, "time_ns=1000000000 is not after the last frame, 1000000000: d"),
        (0, 0.1, "time_ns=0 is not after .* drop the frame and count it"),
        (2.5, 0.1, "time_ns=2.5: give whole nanoseconds"),
        (2 * SECOND, 1.1, r"share=1.1: give a share of the frame's pixels in \[0, 1\]"),
        (2 * SECOND, -0.1, "share=-0.1"),
        (2 * SECOND, float("nan"), "share=nan"),
    ],
)
def test_a_refused_frame_leaves_the_finder_as_it_was(time_ns, share, message):
    finder = EventFinder()
    finder.add(SECOND, HIGH)
    before = finder.state()
    with pytest.raises(ValueError, match=message):
        finder.add(time_ns, share)
    assert finder.state() == before


def test_errors_of_arguments_and_states_name_the_remedy():
    with pytest.raises(ValueError, match="interval_s=0: give the seconds between"):
        EventFinder(interval_s=0)
    with pytest.raises(ValueError, match="times_ns has 2 values and shares 1"):
        find_events([0, 1], [0.1])
    state = EventFinder(PLAIN).state()
    with pytest.raises(ValueError, match="are not those of the state"):
        EventFinder.resume(EventSettings(), state)
    cases: list[tuple[Any, str]] = [
        (state | {"version": 2}, "is of version 2, this code reads 1"),
        (state | {"kept": {"first_ns": 1}}, "is damaged"),
        (state | {"last": 3}, "is damaged"),
        (state | {"kept": dict.fromkeys(SPAN, "x")}, "is damaged"),
        (state | {"steps_ns": 1}, r"is damaged \(TypeError.*begin with a new EventFin"),
        ({}, "is of version None"),
        ([], "is of version None"),
        (state | {"settings": None}, "event settings are None: give an object"),
    ]
    for damaged, message in cases:
        with pytest.raises(ValueError, match=message):
            EventFinder.resume(PLAIN, damaged)

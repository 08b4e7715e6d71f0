from hypothesis import given
from hypothesis import strategies as st

from mmseg_splashkd.datasets.frames import in_time_order
from mmseg_splashkd.datasets.splits.embargo import Embargo, keep_apart, too_near
from tests.datasets.splits.timelines import (
    QUICK,
    apart,
    embargoes,
    frame,
    line,
    parts,
    timelines,
)


def test_frames_exactly_at_the_limit_are_too_near():
    ordered = [frame(0), frame(29.999999999), frame(30), frame(30.000000001)]
    assert too_near(ordered, {0}, Embargo(seconds=30)) == {1, 2}


def test_embargo_in_frames_is_the_number_between():
    assert too_near(line(10), {5}, Embargo(frames=2)) == {3, 4, 6, 7}


def test_seconds_count_between_simultaneous_cameras():
    ordered = [
        frame(0, "a"),
        frame(0, "b"),
        frame(4, "a"),
        frame(5, "b"),
        frame(9, "b"),
    ]
    for stacked in (True, False):
        assert too_near(ordered, {0}, Embargo(seconds=4), stacked) == {1, 2}


def test_frames_count_within_the_recording_and_along_the_common_time_line():
    ordered = [frame(number, "ab"[number % 2]) for number in range(12)]
    embargo = Embargo(frames=2)
    assert too_near(ordered, {0}, embargo, stacked=False) == {2, 4}
    assert too_near(ordered, {0}, embargo, stacked=True) == {1, 2, 4}


def test_two_files_of_one_video_are_separated_along_the_common_time_line():
    ordered = [frame(number, "ab"[number // 5]) for number in range(10)]
    assert too_near(ordered, {5}, Embargo(frames=2), stacked=True) >= {3, 4}


def test_zero_embargo_leaves_nothing_out():
    ordered = [frame(0, "a"), frame(0, "b")]
    assert too_near(ordered, {0}, Embargo()) == set()


def test_part_with_fewer_frames_is_kept():
    words = ["train", "val", "test", "val", "train", "train", "val", "train"]
    split = [frame(n, split=word) for n, word in enumerate(words)]
    assert parts(keep_apart(split, Embargo(frames=1))) == "teTeteve"


@QUICK
@given(timelines(), embargoes, st.booleans(), st.data())
def test_agrees_with_brute_force(frames, embargo, stacked, data):
    ordered = in_time_order(frames)
    others = data.draw(st.sets(st.integers(0, len(ordered) - 1)))
    expected = {
        i
        for i, candidate in enumerate(ordered)
        if i not in others
        and not all(
            apart(candidate, ordered[o], ordered, embargo, stacked) for o in others
        )
    }
    assert too_near(ordered, others, embargo, stacked) == expected

"""Which found event a true one is counted in."""

import pytest

from mmseg_splashkd.statistics.event_errors.attribution import attribute
from tests.evaluation.events.series import event

FOUND = [event(0, 10), event(20, 40), event(50, 60)]


@pytest.mark.parametrize(
    ("true", "own"),
    [
        ([event(2, 5)], [0]),
        ([event(5, 25)], [0]),  # 5 s of both: the earlier one
        ([event(5, 26)], [1]),
        ([event(21, 22), event(30, 45)], [1, 1]),  # merged
        ([event(0, 60)], [1]),  # found in pieces: the longest one
        ([event(10, 12)], [0]),  # an instant
        ([event(12, 18), event(70, 80)], [None, None]),
        ([], []),
    ],
)
def test_a_true_event_is_of_the_found_one_that_it_overlaps_longest(true, own):
    assert attribute(FOUND, true) == own


def test_nothing_found():
    assert attribute([], [event(0, 1)]) == [None]

"""The rule of merges and splits, in cases worked out by hand."""

import pytest

from mmseg_splashkd.evaluation.components import Area, Box
from mmseg_splashkd.evaluation.following.kinship import common, merge, size, split


def splash(*box: int, area: int | None = None) -> Area:
    left, top, right, bottom = box
    given: Box = (left, top, right, bottom)
    return Area(given, size(given) if area is None else area, (left, top))


@pytest.mark.parametrize(
    ("second", "shared"),
    [
        ((0, 0, 10, 10), 100),
        ((5, 5, 15, 15), 25),
        ((2, 3, 4, 9), 12),
        ((10, 0, 20, 10), 0),  # right and bottom are exclusive
        ((11, 11, 12, 12), 0),
    ],
)
def test_pixels_in_common(second, shared):
    assert common((0, 0, 10, 10), second) == common(second, (0, 0, 10, 10)) == shared


# Merges: tracks 1 (10 x 10) and 2 (20 x 10), side by side, become one splash.
LEFT, RIGHT, BOTH = splash(0, 0, 10, 10), splash(10, 0, 30, 10), (0, 0, 30, 10)


@pytest.mark.parametrize("found", [1, 2, None])
def test_of_two_that_become_one_the_larger_keeps_its_id(found):
    """Whichever of them the tracker took for the one that goes on."""
    merged = merge({1: LEFT, 2: RIGHT}, [BOTH], [found])
    assert merged == ([2], {1: 0})


def test_of_equal_ones_the_older_keeps_its_id():
    same = splash(10, 0, 20, 10)
    assert merge({5: same, 3: LEFT}, [BOTH], [5]) == ([3], {5: 0})


def test_pixels_count_and_not_boxes():
    sparse = splash(10, 0, 30, 10, area=99)
    assert merge({1: LEFT, 2: sparse}, [BOTH], [2]) == ([1], {2: 0})


def test_a_track_that_no_tracker_continues_goes_on_in_what_lies_on_it():
    """Foam that grows tenfold has little overlap as a union, and is the same."""
    assert merge({1: LEFT}, [(0, 0, 60, 40)], [None]) == ([1], {})


@pytest.mark.parametrize(("right", "merges"), [(15, True), (16, False)])
def test_half_of_the_box_must_be_inside(right, merges):
    """Of 5 to 15, 5 of 10 columns are in the splash of 0 to 10; of 6 to 16, 4."""
    lost = splash(right - 10, 0, right, 10)
    merged = merge({1: splash(0, 0, 10, 10), 2: lost}, [(0, 0, 10, 10)], [1])
    assert merged == ([1], {2: 0} if merges else {})


def test_a_track_merges_into_the_splash_that_it_shares_most_with():
    lost = splash(4, 0, 14, 10)  # 4 columns in the first, 6 in the second
    boxes: list[Box] = [(0, 0, 8, 10), (8, 0, 30, 10)]
    before = {1: splash(0, 0, 8, 10), 2: splash(8, 0, 30, 10), 3: lost}
    assert merge(before, boxes, [1, 2]) == ([1, 2], {3: 1})


def test_three_become_one():
    before = {1: LEFT, 2: RIGHT, 3: splash(0, 10, 30, 11)}
    assert merge(before, [(0, 0, 30, 11)], [3]) == ([2], {1: 0, 3: 0})


def test_one_that_was_missing_keeps_its_id_only_if_nothing_was_there():
    assert merge({}, [BOTH], [7]) == ([7], {})
    assert merge({9: LEFT}, [BOTH], [7]) == ([9], {7: 0})


def test_a_track_that_disappears_merges_into_nothing():
    away: Box = (50, 50, 60, 60)
    assert merge({1: LEFT, 2: RIGHT}, [away], [None]) == ([None], {})
    assert merge({1: LEFT}, [], []) == ([], {})


# Splits: track 1 (30 x 10) falls into pieces.
WHOLE = splash(0, 0, 30, 10)


def test_the_piece_with_the_larger_overlap_keeps_the_id():
    pieces: list[Box] = [(0, 0, 10, 10), (12, 0, 30, 10)]
    assert split({1: WHOLE}, pieces, [None, 1]) == ([None, 1], {0: 1})
    # Also where the tracker took the smaller one.
    assert split({1: WHOLE}, pieces, [1, None]) == ([None, 1], {0: 1})


def test_of_equal_pieces_the_one_that_was_found_keeps_the_id():
    pieces: list[Box] = [(0, 0, 15, 10), (15, 0, 30, 10)]
    assert split({1: WHOLE}, pieces, [1, None]) == ([1, None], {1: 1})
    assert split({1: WHOLE}, pieces, [None, 1]) == ([None, 1], {0: 1})


def test_three_pieces():
    pieces: list[Box] = [(0, 0, 5, 10), (6, 0, 12, 10), (13, 0, 30, 10)]
    assert split({1: WHOLE}, pieces, [1, None, None]) == ([None, None, 1], {0: 1, 1: 1})


@pytest.mark.parametrize(("top", "is_piece"), [(5, True), (6, False)])
def test_half_of_a_piece_must_be_inside(top, is_piece):
    piece: Box = (0, top, 10, top + 10)
    parted = split({1: WHOLE}, [(10, 0, 30, 10), piece], [1, None])
    assert parted == ([1, None], {1: 1} if is_piece else {})


def test_a_splash_beside_a_track_that_ended_is_no_piece():
    assert split({1: WHOLE}, [(0, 0, 10, 10)], [None]) == ([None], {})


def test_a_piece_of_the_track_that_it_shares_most_with():
    before = {1: splash(0, 0, 10, 10), 2: splash(10, 0, 40, 10)}
    boxes: list[Box] = [(0, 0, 10, 9), (20, 0, 40, 10), (8, 0, 14, 10)]
    assert split(before, boxes, [1, 2, None]) == ([1, 2, None], {2: 2})

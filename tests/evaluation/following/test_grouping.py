"""Which blobs are one splash."""

import numpy as np
import pytest
from scipy import ndimage

from mmseg_splashkd.evaluation.components import Area, areas_of, connected
from mmseg_splashkd.evaluation.following import FollowSettings
from mmseg_splashkd.evaluation.following import grouping as module
from mmseg_splashkd.evaluation.following.grouping import group_blobs, joined


def blob(x: int, y: int, side: int = 2) -> Area:
    half = (side - 1) / 2
    return Area((x, y, x + side, y + side), side**2, (x + half, y + half))


def of(blobs: list[Area], join: int | None, min_area: int = 1) -> list[int | None]:
    return group_blobs(blobs, FollowSettings("nearest", join, min_area)).of


@pytest.mark.parametrize(
    ("join", "expected"),
    [(None, [0, 1, 2, 3]), (0, [0, 1, 2, 3]), (1, [0, 0, 1, 2]), (3, [0, 0, 0, 1])],
)
def test_boxes_that_are_near_are_one(join, expected):
    """Gaps of 1 and 3 columns, and of 4 rows."""
    blobs = [blob(0, 0), blob(3, 0), blob(8, 1), blob(8, 7)]
    assert of(blobs, join) == expected


def test_a_chain_is_one_splash():
    assert of([blob(4 * n, 0) for n in range(5)], 2) == [0] * 5


def test_a_group_has_the_pixels_of_its_blobs():
    mask = np.random.default_rng(0).random((40, 60)) < 0.2
    numbered = connected(mask)
    whole = joined(areas_of(numbered))
    rows, columns = np.nonzero(mask)
    assert whole.area == mask.sum()
    assert whole.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert whole.centroid == pytest.approx((columns.mean(), rows.mean()))


def test_areas_are_those_of_scipy():
    numbered = connected(np.random.default_rng(1).random((30, 50)) < 0.3)
    found = areas_of(numbered)
    index = np.arange(1, numbered.max() + 1)
    assert len(found) == len(index) > 20
    assert [each.area for each in found] == ndimage.sum_labels(
        numbered > 0, numbered, index
    ).tolist()
    centres = ndimage.center_of_mass(numbered > 0, numbered, index)
    expected = [(column, row) for row, column in centres]
    np.testing.assert_allclose([each.centroid for each in found], expected)


def test_small_groups_are_counted_and_left_out():
    """Two of 4 pixels are one of 8; a third stands alone."""
    grouping = group_blobs(
        [blob(0, 0), blob(30, 0), blob(3, 0)], FollowSettings("nearest", 2, 8)
    )
    assert (grouping.of, grouping.small) == ([0, None, 0], 1)
    assert [each.area for each in grouping.splashes] == [8]


def test_the_largest_of_too_many_are_followed(monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    blobs = [blob(0, 0, 3), blob(20, 0, 2), blob(40, 0, 4), blob(60, 0, 1)]
    grouping = group_blobs(blobs, FollowSettings("nearest", 0, 2))
    assert grouping.of == [0, None, 1, None]
    assert (grouping.small, grouping.surplus) == (1, 1)


def test_parts_of_the_comparison_give_the_same(monkeypatch):
    rng = np.random.default_rng(3)
    blobs = [blob(*map(int, rng.integers(0, 90, 2))) for _ in range(80)]
    whole = of(blobs, 3)
    assert 5 < len(set(whole)) < 75
    monkeypatch.setattr(module, "CHUNK", 500)
    assert of(blobs, 3) == whole


def test_no_blob():
    assert group_blobs([], FollowSettings("nearest")) == ([], [], 0, 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tracker": "deep"}, "tracker='deep': give one of sort, bytetrack, ocsort"),
        ({"join": -1}, "join=-1: give a whole number from 0 on"),
        ({"min_area": 0}, "min_area=0: give a whole number from 1 on"),
        ({"patience": 1.5}, "patience=1.5: give a whole number from 0 on"),
        ({"min_area": None}, "min_area=None: give a whole number from 1 on"),
    ],
)
def test_settings_out_of_their_range_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        FollowSettings(**given)

import numpy as np
import pytest

from mmseg_splashkd.label_errors.quality import label_quality
from mmseg_splashkd.label_errors.regions import ErrorRegion, find_regions

SURE, LIKELY = 0.9, 0.6


def regions_of(
    label: np.ndarray,
    predicted: np.ndarray,
    sure: float = SURE,
    classes: int = 2,
    **options,
) -> list[ErrorRegion]:
    """Regions of a frame in which classes are predicted with a given probability."""
    rest = (1 - sure) / (classes - 1)
    ids = np.arange(classes).reshape(-1, 1, 1)
    probability = np.where(predicted == ids, sure, rest)
    quality = label_quality(label.astype(np.uint8), probability)
    return find_regions(label.astype(np.uint8), quality, classes - 1, **options)


def square(*places: tuple[int, int, int, int]) -> np.ndarray:
    """20x30 pixels of class 0, with class 1 in rows and columns from and to."""
    mask = np.zeros((20, 30), int)
    for top, bottom, left, right in places:
        mask[top:bottom, left:right] = 1
    return mask


def test_a_right_label_has_no_region():
    mask = square((5, 10, 5, 10))
    assert regions_of(mask, mask) == []


def test_splash_that_is_not_labelled_is_missing():
    (region,) = regions_of(square(), square((5, 10, 12, 20)))
    assert (region.kind, region.given, region.suggested) == ("missing", 0, 1)
    assert region.box == (12, 5, 20, 10)
    assert region.pixels == 40
    assert region.mask.shape == (5, 8)
    assert region.mask.all()
    assert region.depth == 3  # of five rows
    assert region.score == pytest.approx(40 * 0.8)


def test_a_label_without_splash_is_false():
    (region,) = regions_of(square((0, 1, 0, 30)), square())
    assert (region.kind, region.given, region.suggested) == ("false", 1, 0)
    assert region.box == (0, 0, 30, 1)
    assert region.depth == 1


def test_a_label_too_wide_or_too_narrow_is_an_edge():
    small, large = square((8, 12, 8, 12)), square((6, 14, 6, 14))
    (wide,) = regions_of(large, small)
    (narrow,) = regions_of(small, large)
    assert wide.kind == narrow.kind == "edge"
    assert (wide.given, narrow.given) == (1, 0)
    assert wide.pixels == narrow.pixels == 64 - 16
    assert wide.mask.sum() == 48  # a ring
    assert not wide.mask[3, 3]


def test_a_shifted_label_has_an_edge_on_both_sides():
    regions = regions_of(square((5, 15, 5, 15)), square((5, 15, 9, 19)))
    assert [region.kind for region in regions] == ["edge", "edge"]
    assert {region.given for region in regions} == {0, 1}


def test_hardly_an_overlap_is_no_edge():
    # 2 of 100 pixels agree: one area is false, the other missing.
    regions = regions_of(square((0, 10, 0, 10)), square((8, 18, 9, 19)))
    assert {region.kind for region in regions} == {"false", "missing"}


def test_each_area_is_judged_by_itself():
    label = square((2, 6, 2, 6), (2, 6, 20, 24))
    predicted = square((2, 6, 3, 7))
    kinds = {region.box.left: region.kind for region in regions_of(label, predicted)}
    assert kinds == {2: "edge", 6: "edge", 20: "false"}


def test_pixels_that_touch_by_a_corner_are_one_region():
    predicted = square((3, 6, 3, 6), (6, 9, 6, 9), (9, 12, 10, 13))
    assert [region.pixels for region in regions_of(square(), predicted)] == [18, 9]


def test_small_regions_are_left_out():
    predicted = square((3, 5, 3, 6), (10, 15, 10, 16))
    assert len(regions_of(square(), predicted)) == 2
    assert [r.pixels for r in regions_of(square(), predicted, min_share=7 / 600)] == [
        30
    ]
    assert len(regions_of(square(), predicted, min_share=6 / 600)) == 2


def test_regions_are_sorted_by_score():
    label, predicted = square(), square((0, 5, 0, 10), (10, 14, 10, 20))
    probability = np.where(
        predicted, np.where(np.arange(20)[:, None] < 8, 0.6, 0.9), 0.1
    )
    both = np.stack([1 - probability, probability])
    quality = label_quality(label.astype(np.uint8), both)
    scores = [r.score for r in find_regions(label, quality, 1)]
    assert scores == pytest.approx([40 * 0.8, 50 * 0.2])


def test_ignored_pixels_part_regions_and_are_in_none():
    label, predicted = square(), square((5, 10, 5, 16))
    label[:, 10] = 255
    assert [(r.pixels, r.kind) for r in regions_of(label, predicted)] == [
        (25, "missing"),
        (25, "missing"),
    ]


def test_errors_of_other_classes_have_their_own_kind():
    label = square((2, 8, 2, 8))  # the last of three classes is the focus class
    predicted = np.where(label, 0, 0)
    predicted[12:18, 12:18] = 2
    found = {
        r.kind: (r.given, r.suggested) for r in regions_of(label, predicted, classes=3)
    }
    assert found == {"other": (1, 0), "missing": (0, 2)}

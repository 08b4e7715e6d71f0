"""Grasps as rectangles and as maps, and the metric of rectangles."""

import math
from typing import Any

import cv2
import numpy as np
import pytest

from mmseg_splashkd.datasets.grasp_rectangle import (
    Grasp,
    best_grasp,
    draw_maps,
    grasp_of,
    is_correct,
    overlap,
    read_rectangles,
)
from mmseg_splashkd.datasets.synthetic import draw_grasps

GRASP = Grasp((60.0, 40.0), 0.5, 45.0)


def area_by_pixels(*polygons: np.ndarray) -> float:
    """Intersection over union on a grid of tenths of pixels."""
    masks = []
    for polygon in polygons:
        mask = np.zeros((1200, 1200), np.uint8)
        cv2.fillPoly(mask, [np.rint(polygon * 10).astype(np.int32)], 1)
        masks.append(mask.astype(bool))
    return (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()


def test_corners_and_grasp_are_inverse():
    found = grasp_of(GRASP.corners())
    assert found.centre == pytest.approx(GRASP.centre)
    assert (found.angle, found.width) == pytest.approx((0.5, 45.0))
    breadth = np.linalg.norm(GRASP.corners()[2] - GRASP.corners()[1])
    assert breadth == pytest.approx(22.5)


def test_the_angle_is_counter_clockwise_where_y_points_down():
    up_right = np.array([[0.0, 10.0], [10.0, 0.0], [12.0, 2.0], [2.0, 12.0]])
    assert grasp_of(up_right).angle == pytest.approx(math.pi / 4)


def test_maps_of_an_upright_rectangle():
    """The middle third of an opening of 30 pixels, 8 pixels broad."""
    corners = Grasp((50.0, 40.0), 0.0, 30.0).corners(8.0)
    maps = draw_maps(corners[None], (80, 100))
    ys, xs = np.nonzero(maps[0])
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == (45, 55, 36, 44)
    assert maps[:, 40, 50].tolist() == pytest.approx([1, 1, 0, 30 / 150])
    assert not maps[:, maps[0] == 0].any()


def test_the_best_grasp_of_drawn_maps_is_the_labelled_one():
    for angle in (-1.2, 0.0, 0.5, 1.5, 3.0):
        grasp = GRASP._replace(angle=angle)
        found = best_grasp(10 * draw_maps(grasp.corners()[None], (100, 120)))
        assert found.centre == pytest.approx(grasp.centre, abs=3)
        assert math.cos(2 * (found.angle - angle)) == pytest.approx(1, abs=1e-3)
        assert is_correct(found._replace(width=45.0), grasp.corners()[None])


@pytest.mark.parametrize("shift", [0.0, 5.0, 12.0, 90.0])
@pytest.mark.parametrize("turn", [0.0, 0.3, 1.4])
def test_overlap_equals_the_pixels(shift, turn):
    other = Grasp((60.0 + shift, 40.0), 0.5 + turn, 40.0)
    one, two = GRASP.corners(), other.corners()[::-1]  # the other way around
    assert overlap(one, two) == pytest.approx(area_by_pixels(one, two), abs=0.01)


def test_correct_is_over_a_quarter_of_overlap_and_under_30_degrees():
    label = GRASP.corners()[None]
    degrees = math.pi / 180
    assert is_correct(GRASP, label)
    assert is_correct(GRASP._replace(angle=0.5 + math.pi), label)  # the same grasp
    assert is_correct(GRASP._replace(angle=0.5 - 29 * degrees), label)
    assert not is_correct(GRASP._replace(angle=0.5 + 31 * degrees), label)
    assert not is_correct(GRASP._replace(centre=(100.0, 40.0)), label)
    assert not is_correct(GRASP._replace(width=0.0), label)
    # Of concentric rectangles of one form, the overlap is the ratio of the areas.
    assert is_correct(GRASP._replace(width=45 * 0.51), label)
    assert not is_correct(GRASP._replace(width=45 * 0.49), label)
    assert not is_correct(GRASP, label[:0])
    far = label + 500
    assert is_correct(GRASP, np.concatenate([far, label]))


def test_files_of_the_cornell_data_set(tmp_path):
    path = tmp_path / "pcd0100cpos.txt"
    path.write_text("1.5 2 \n3 4 \n5 6 \n7 8 \nNaN NaN\n1 1\n2 2\n3 3\n")
    assert read_rectangles(path).tolist() == [[[1.5, 2], [3, 4], [5, 6], [7, 8]]]
    path.write_text("")
    assert read_rectangles(path).shape == (0, 4, 2)


@pytest.mark.parametrize("text", ["1 2\n3 4\n", "a b\n" * 4, "1\n" * 4, None])
def test_a_file_without_rectangles_is_named(tmp_path, text):
    path = tmp_path / "a.txt"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=r"a\.txt cannot be read.*four lines per"):
        read_rectangles(path)


def test_drawn_grasps_lie_across_bars_that_depth_shows(tmp_path):
    draw_grasps(tmp_path, train=2, val=1, size=160)
    depth: Any = cv2.imread(
        str(tmp_path / "depth/train/0001.png"), cv2.IMREAD_UNCHANGED
    )
    image: Any = cv2.imread(str(tmp_path / "images/train/0001.png"))
    assert (depth.dtype, depth.shape, image.shape) == (
        "uint16",
        (160,) * 2,
        (160,) * 2 + (3,),
    )
    rectangles = read_rectangles(tmp_path / "grasps/train/0001.txt")
    for rectangle in rectangles:
        x, y = np.rint(rectangle.mean(0)).astype(int)
        assert depth[y, x] < 990
    before = (tmp_path / "images/train/0001.png").read_bytes()
    draw_grasps(tmp_path, train=2, val=1, size=160)
    assert (tmp_path / "images/train/0001.png").read_bytes() == before

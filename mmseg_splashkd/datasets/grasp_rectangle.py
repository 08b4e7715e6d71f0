"""Grasps of a parallel gripper in an image, as rectangles and as four maps.

A rectangle is four corners (x, y) in pixels, as in the files of the Cornell data set:
the edge from the first to the second is the opening of the gripper, the edge from the
second to the third the breadth of its jaws (Jiang, Moseson and Saxena, "Efficient
Grasping from RGBD Images", ICRA 2011). The maps are those of Morrison, Corke and
Leitner, "Closing the Loop for Robotic Grasping" (GG-CNN), RSS 2018, section IV.
"""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mmseg_splashkd.foreign import UnreadableError

MAPS = ("position", "cos", "sin", "width")
MAX_WIDTH = 150.0  # pixels of opening at which the width map is 1, as in GG-CNN
CORNERS = 4
SUBPIXEL = 4  # binary digits of the corners when drawing
IOU, DEGREES = 0.25, 30.0  # of a correct grasp, see is_correct


class Grasp(NamedTuple):
    """A grasp in an image.

    Attributes:
        centre: (x, y) in pixels.
        angle: Direction of the opening in radians, counter-clockwise from the x axis;
            angles that differ by pi are the same grasp.
        width: Opening in pixels.
    """

    centre: tuple[float, float]
    angle: float
    width: float

    def corners(self, breadth: float | None = None) -> np.ndarray:
        """Corners (4, 2) of the rectangle.

        Args:
            breadth: Breadth of the jaws in pixels; by default half the opening, as in
                GG-CNN.
        """
        along = np.array([np.cos(self.angle), -np.sin(self.angle)]) * self.width / 2
        half = self.width / 2 if breadth is None else breadth
        across = np.array([np.sin(self.angle), np.cos(self.angle)]) * half / 2
        signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        return np.array([self.centre + a * along + b * across for a, b in signs])


def read_rectangles(path: str | Path) -> np.ndarray:
    """Rectangles (N, 4, 2) of a file with one corner ``x y`` per line.

    Rectangles with a corner that is not a number, as some in the Cornell data set, are
    left out.

    Args:
        path: The file.

    Raises:
        ValueError: The file is missing or no such file.
    """
    try:
        rows = [line.split() for line in Path(path).read_text().splitlines() if line]
        corners = np.array(rows, dtype=np.float64).reshape(-1, CORNERS, 2)
    except (OSError, ValueError) as error:
        raise UnreadableError(
            f"grasps {path} cannot be read: {error}. Expected one corner 'x y' per "
            f"line, four lines per rectangle"
        ) from error
    return corners[np.isfinite(corners).all((1, 2))]


def grasp_of(rectangle: np.ndarray) -> Grasp:
    """Centre, angle and opening of a rectangle (4, 2)."""
    dx, dy = rectangle[1] - rectangle[0]
    x, y = rectangle.mean(0)
    return Grasp(
        (float(x), float(y)), float(np.arctan2(-dy, dx)), float(np.hypot(dx, dy))
    )


def draw_maps(rectangles: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps (4, H, W) in float32 of rectangles.

    In the middle third of each rectangle along its opening, position is 1, cos and sin
    are those of twice the angle, which is equal for equal grasps, and width is the
    opening by ``MAX_WIDTH``, at most 1. Elsewhere all are 0. Of rectangles that
    overlap, the later one counts.

    Args:
        rectangles: (N, 4, 2) corners in pixels.
        size: (H, W).
    """
    maps = np.zeros((len(MAPS), *size), np.float32)
    for rectangle in rectangles:
        grasp = grasp_of(rectangle)
        breadth = float(np.linalg.norm(rectangle[2] - rectangle[1]))
        middle = grasp._replace(width=grasp.width / 3).corners(breadth)
        inside = np.zeros(size, np.uint8)
        points = np.rint(middle * 2**SUBPIXEL).astype(np.int32)
        cv2.fillConvexPoly(inside, points, 1, shift=SUBPIXEL)
        width = min(grasp.width / MAX_WIDTH, 1.0)
        values = (1.0, np.cos(2 * grasp.angle), np.sin(2 * grasp.angle), width)
        maps[:, inside == 1] = np.array(values, np.float32)[:, None]
    return maps


def best_grasp(maps: np.ndarray) -> Grasp:
    """The grasp at the largest position, after smoothing by a Gaussian of 2 pixels.

    GG-CNN smooths the angle; here its cosine and sine are smoothed, which do not jump.

    Args:
        maps: (4, H, W) predicted maps.
    """
    smooth = [
        cv2.GaussianBlur(each, (0, 0), 2) for each in np.asarray(maps, np.float32)
    ]
    position, cos, sin, width = smooth
    y, x = np.unravel_index(position.argmax(), position.shape)
    angle = np.arctan2(sin[y, x], cos[y, x]) / 2
    opening = max(float(width[y, x]), 0.0) * MAX_WIDTH
    return Grasp((float(x), float(y)), float(angle), opening)


def is_correct(grasp: Grasp, rectangles: np.ndarray) -> bool:
    """Whether a grasp is correct by the rectangle metric of Jiang et al., ICRA 2011.

    With at least one rectangle, its intersection over union is above 0.25 and its angle
    differs by less than 30 degrees.

    Args:
        grasp: Predicted grasp.
        rectangles: (N, 4, 2) labelled rectangles in pixels.
    """
    return any(
        _angle_between(grasp.angle, grasp_of(each).angle) < np.radians(DEGREES)
        and overlap(grasp.corners(), each) > IOU
        for each in rectangles
    )


def _angle_between(one: float, other: float) -> float:
    """Angle between two lines, in [0, pi / 2]."""
    return abs((one - other + np.pi / 2) % np.pi - np.pi / 2)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two convex polygons, in [0, 1]."""
    first, second = (np.asarray(each, np.float32) for each in (one, other))
    common, _ = cv2.intersectConvexConvex(first, second)
    union = cv2.contourArea(first) + cv2.contourArea(second) - common
    return float(common / union) if union > 0 else 0.0

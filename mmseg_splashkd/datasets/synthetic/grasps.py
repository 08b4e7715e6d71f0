"""Synthetic table tops with bars, and the grasps across them."""

from pathlib import Path

import cv2
import numpy as np

from mmseg_splashkd.datasets.grasp_rectangle import Grasp
from mmseg_splashkd.files import whole_file, write_whole

PARTS = ("train", "val")
SIDE = 300  # pixels, as in GG-CNN and GR-ConvNet
TABLE = 1000  # depth in millimetres
CLEARANCE = 1.6  # opening of the gripper in breadths of a bar
GRIPS = (-0.25, 0.0, 0.25)  # positions along a bar, in its lengths


def draw_grasps(
    folder: str | Path,
    train: int = 64,
    val: int = 16,
    size: int = SIDE,
    seed: int = 0,
) -> Path:
    """Draw table tops with one to three bars each.

    Writes ``images/<part>`` (8-bit colour PNG), ``depth/<part>`` (16-bit PNG,
    millimetres from the camera) and ``grasps/<part>`` (rectangles across each bar, as
    ``read_rectangles`` reads them). Colours have shadows and a textured table, depth
    has the noise of a sensor. A frame depends on ``seed``, its part and its number.

    Args:
        folder: Folder to write to.
        train: Number of frames to train on.
        val: Number of frames to validate on.
        size: Side of the frames in pixels; default 300.
        seed: Seed >= 0.

    Returns:
        ``folder``.
    """
    folder = Path(folder)
    for part, (name, count) in enumerate(zip(PARTS, (train, val), strict=True)):
        for number in range(count):
            rng = np.random.default_rng((seed, part, number))
            _draw_frame(folder, f"{name}/{number:04d}", size, rng)
    return folder


def _draw_frame(folder: Path, name: str, size: int, rng: np.random.Generator) -> None:
    image = _table(size, rng)
    depth = np.full((size, size), TABLE, np.float32)
    rectangles = []
    for _ in range(rng.integers(1, 4)):
        length, breadth = size * rng.uniform(0.2, 0.4), size * rng.uniform(0.05, 0.11)
        centre = rng.uniform(0.25 * size, 0.75 * size, 2)
        angle = float(rng.uniform(0, np.pi))  # of the opening, across the bar
        bar = Grasp(tuple(centre), angle, breadth).corners(length)
        height = rng.uniform(20, 80)
        for pixels, shift, value in (
            (image, 0.02 * size, image.mean() * 0.5),  # its shadow
            (image, 0.0, rng.uniform(40, 250, 3)),
            (depth, 0.0, TABLE - height),
        ):
            points = np.rint((bar + shift) * 16).astype(np.int32)
            colour = np.broadcast_to(value, 3).tolist()
            cv2.fillConvexPoly(pixels, points, colour, cv2.LINE_8, shift=4)
        along = np.array([np.sin(angle), np.cos(angle)]) * length
        opening = breadth * CLEARANCE
        rectangles += [
            Grasp(tuple(centre + grip * along), angle, opening).corners(length / 5)
            for grip in GRIPS
        ]
    image += rng.normal(0, 6, image.shape)
    depth += rng.normal(0, 2, depth.shape)
    for kind, pixels in (("images", image), ("depth", depth)):
        path = folder / kind / f"{name}.png"
        dtype, limit = (np.uint8, 255) if kind == "images" else (np.uint16, 65535)
        _, png = cv2.imencode(".png", np.rint(pixels).clip(0, limit).astype(dtype))
        with whole_file(path) as partial:
            png.tofile(partial)
    path = folder / "grasps" / f"{name}.txt"
    corners = np.concatenate(rectangles)
    write_whole(path, "".join(f"{x:.2f} {y:.2f}\n" for x, y in corners))


def _table(size: int, rng: np.random.Generator) -> np.ndarray:
    """A table of one colour with blotches, (H, W, 3) float32."""
    blotches = rng.normal(0, 25, (8, 8, 3)).astype(np.float32)
    texture = cv2.resize(blotches, (size, size), interpolation=cv2.INTER_CUBIC)
    return texture + rng.uniform(90, 170, 3).astype(np.float32)

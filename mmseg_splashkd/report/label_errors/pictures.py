"""Pictures of a frame, its label, the prediction, and the suspicious regions."""

import numpy as np
from PIL import Image, ImageDraw

from mmseg_splashkd.datasets.label_coding import read_gray, to_train_ids
from mmseg_splashkd.label_errors import ErrorRegion, LabelError, LabelErrors
from mmseg_splashkd.report.pictures import (
    FALSE_ALARM,
    HIT,
    MISSED,
    TILE_WIDTH,
    Tile,
    paint_classes,
    paint_masks,
    read_rgb,
    tile_of,
)

# Unlabelled, wrongly labelled, misplaced edge, another class.
COLORS = {"missing": MISSED, "false": FALSE_ALARM, "edge": HIT, "other": (240, 228, 66)}
BOXED = 5  # regions per frame
MARGIN = 0.25  # around a region in the close-up, relative to its longer side
SMALLEST = 24  # side of the close-up in pixels


def tiles_of(finding: LabelError, report: LabelErrors) -> list[Tile]:
    """Frame, label, prediction, marked regions, and a close-up of the first region."""
    image, palette = read_rgb(finding.frame.image), report.coding.palette
    marked = paint_regions(image, finding.regions)
    close = [_close_up(each, finding.regions[0]) for each in (image, marked)]
    pictures = {
        "Frame": image,
        "Label": paint_classes(image, read_label(finding, report), palette),
        "Held-out model": paint_classes(image, finding.predicted, palette),
        "Suspicious": _boxed(marked, finding.regions[:BOXED]),
        "Close-up": np.concatenate(close, axis=1),
    }
    name = finding.frame.image
    return [
        tile_of(picture, title, "", f"{title}: {name}")
        for title, picture in pictures.items()
    ]


def read_label(finding: LabelError, report: LabelErrors) -> np.ndarray:
    """Label of a frame as (H, W) trainIds."""
    coding, path = report.coding, finding.frame.label
    gray = read_gray(path)
    return to_train_ids(gray, coding.gray_to_train_id, path, coding.unknown)


def paint_regions(image: np.ndarray, regions: list[ErrorRegion]) -> np.ndarray:
    """Paint regions in the colour of their kind over the dimmed frame.

    Args:
        image: (H, W, 3) uint8 RGB.
        regions: Regions of the frame.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    painted = paint_masks(image, [])
    for region in regions:
        box = region.box
        part = painted[box.top : box.bottom, box.left : box.right]
        part[region.mask] = COLORS[region.kind]
    return painted


def _boxed(picture: np.ndarray, regions: list[ErrorRegion]) -> np.ndarray:
    """Draw boxes around regions; the line width accounts for the size of the tile."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    width = max(1, round(1.5 * image.width / TILE_WIDTH))
    before, after = 2 + width, 1 + width
    for region in regions:
        left, top, right, bottom = region.box
        edge = left - before, top - before, right + after, bottom + after
        draw.rectangle(edge, outline=COLORS[region.kind], width=width)
    return np.asarray(image)


def _close_up(picture: np.ndarray, region: ErrorRegion) -> np.ndarray:
    """A square around a region, enlarged without interpolation."""
    height, width = picture.shape[:2]
    left, top, right, bottom = region.box
    side = max(right - left, bottom - top, SMALLEST / (1 + 2 * MARGIN))
    side = min(round(side * (1 + 2 * MARGIN)), height, width)
    u = int(np.clip((left + right - side) // 2, 0, width - side))
    v = int(np.clip((top + bottom - side) // 2, 0, height - side))
    part = Image.fromarray(picture[v : v + side, u : u + side])
    size = (TILE_WIDTH // 2, TILE_WIDTH // 2)
    enlarged = Image.Resampling.NEAREST if side < size[0] else Image.Resampling.BOX
    return np.asarray(part.resize(size, enlarged))

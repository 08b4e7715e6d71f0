"""Captioned pictures in a page."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.label_coding import IGNORE
from mmseg_splashkd.report.formatting import css, number
from mmseg_splashkd.report.pictures import (
    FALSE_ALARM,
    HIT,
    MISSED,
    Color,
    paint_classes,
    paint_errors,
)

TILE_WIDTH = 440  # pixels: sharp enough, and small enough to mail the page


@dataclass(frozen=True)
class Tile:
    """A picture with its caption.

    Args:
        src: The picture as a ``data:`` URL.
        width: Width in pixels.
        height: Height in pixels.
        title: First line of the caption.
        detail: Second line; may be empty.
        alt: Text that replaces the picture.
    """

    src: str
    width: int
    height: int
    title: str
    detail: str
    alt: str


@dataclass(frozen=True)
class TileRow:
    """Tiles of one frame under a heading.

    Args:
        title: Heading.
        name: Frame, with its fold where there is one.
        tiles: The tiles.
        columns: Number of columns on a wide screen.
    """

    title: str
    name: str
    tiles: Sequence[Tile]
    columns: int = 2


def tile_of(picture: np.ndarray, title: str, detail: str, alt: str) -> Tile:
    """Make a tile of an (H, W, 3) uint8 RGB picture, at most ``TILE_WIDTH`` wide."""
    image = Image.fromarray(picture)
    if image.width > TILE_WIDTH:
        height = round(TILE_WIDTH * image.height / image.width)
        image = image.resize((TILE_WIDTH, height))
    buffer = io.BytesIO()
    # Full colour resolution: marked pixels are thin.
    image.save(buffer, "JPEG", quality=82, subsampling=0, optimize=True)
    source = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return Tile(source, image.width, image.height, title, detail, alt)


def prediction_tiles(
    title: str,
    name: str,
    maps: tuple[np.ndarray, np.ndarray, np.ndarray],
    palette: Sequence[Color],
    focus: int,
    focus_name: str,
) -> list[Tile]:
    """Two tiles: the prediction of a model and its errors.

    Args:
        title: Label of the model.
        name: File name of the frame.
        maps: Frame (H, W, 3) uint8 RGB, truth and prediction (H, W) trainIds.
        palette: One (R, G, B) in [0, 255] per class.
        focus: trainId of the focus class, whose errors are shown.
        focus_name: Name of the focus class.
    """
    image, truth, prediction = maps
    labelled = truth == focus
    predicted = (prediction == focus) & (truth != IGNORE)
    hits = int((labelled & predicted).sum())
    both = int(labelled.sum() + predicted.sum())
    missed = f"{int(labelled.sum()) - hits:,} px missed"
    false = f"{int(predicted.sum()) - hits:,} px false"
    dice = number(200 * hits / both if both else None, 1)
    return [
        tile_of(
            paint_classes(image, prediction, palette),
            title,
            f"Dice {dice}",
            f"Prediction of {title} for {name}",
        ),
        tile_of(
            paint_errors(image, truth, prediction, focus),
            "Errors",
            f"{missed}, {false}",
            f"Errors of {title} in {name}: {hits:,} px of {focus_name} hit, {missed}, "
            f"{false}",
        ),
    ]


def legend(classes: Sequence[str], palette: Sequence[Color]) -> list[tuple[str, str]]:
    """Names and CSS colours of classes and errors in the pictures."""
    marks = [("hit", HIT), ("missed", MISSED), ("false alarm", FALSE_ALARM)]
    named = zip(classes, palette, strict=True)
    return [(name, css(color)) for name, color in (*named, *marks)]

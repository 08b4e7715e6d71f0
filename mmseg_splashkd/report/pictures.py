"""Painted frames, and their captioned tiles in a page."""

import base64
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.image_file import read_picture
from mmseg_splashkd.datasets.label_coding import IGNORE

# Orange and blue differ for every kind of colour blindness.
MISSED, FALSE_ALARM, HIT = (230, 97, 0), (64, 176, 255), (240, 240, 240)
OPACITY = 0.6
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
TILE_WIDTH = 440  # pixels: sharp enough, and small enough to mail the page

Color = Sequence[int]


class Tile(NamedTuple):
    """A picture with its caption.

    Attributes:
        src: The picture as a ``data:`` URL.
        size: Width and height in pixels.
        title: First line of the caption.
        detail: Second line; may be empty.
        alt: Text that replaces the picture.
    """

    src: str
    size: tuple[int, int]
    title: str
    detail: str
    alt: str


class TileRow(NamedTuple):
    """Tiles of one frame under a heading.

    Attributes:
        title: Heading.
        name: Frame, with its fold where there is one.
        tiles: The tiles.
        columns: Number of columns on a wide screen.
    """

    title: str
    name: str
    tiles: Sequence[Tile]
    columns: int = 2


class Jpeg(NamedTuple):
    """A picture as a file.

    Attributes:
        content: Bytes of the JPEG file.
        size: Width and height in pixels.
    """

    content: bytes
    size: tuple[int, int]


def as_jpeg(picture: np.ndarray) -> Jpeg:
    """Encode an (H, W, 3) uint8 RGB picture, at most ``TILE_WIDTH`` wide."""
    image = Image.fromarray(picture)
    if image.width > TILE_WIDTH:
        height = round(TILE_WIDTH * image.height / image.width)
        image = image.resize((TILE_WIDTH, max(1, height)))
    buffer = io.BytesIO()
    # Full colour resolution: marked pixels are thin. Not optimised: Pillow then takes a
    # buffer of a byte a pixel, which noise, as of a camera at night, exceeds.
    image.save(buffer, "JPEG", quality=82, subsampling=0)
    return Jpeg(buffer.getvalue(), image.size)


def tile_of_jpeg(jpeg: Jpeg, title: str, detail: str, alt: str) -> Tile:
    """Make a tile of an encoded picture; for the texts see ``Tile``."""
    source = f"data:image/jpeg;base64,{base64.b64encode(jpeg.content).decode()}"
    return Tile(source, jpeg.size, title, detail, alt)


def tile_of(picture: np.ndarray, title: str, detail: str, alt: str) -> Tile:
    """Make a tile of an (H, W, 3) uint8 RGB picture, at most ``TILE_WIDTH`` wide."""
    return tile_of_jpeg(as_jpeg(picture), title, detail, alt)


def read_rgb(path: str | Path) -> np.ndarray:
    """Read a frame as (H, W, 3) uint8 RGB; see ``read_picture``."""
    return read_picture(path)


def paint_classes(
    image: np.ndarray, train_ids: np.ndarray, palette: Sequence[Color]
) -> np.ndarray:
    """Blend the class colours over the gray frame.

    Args:
        image: (H, W, 3) uint8 RGB.
        train_ids: (H, W) trainIds; ignored pixels (255) stay gray.
        palette: One (R, G, B) in [0, 255] per class.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    gray, colors = _gray(image), np.zeros((256, 3))
    colors[: len(palette)] = palette
    blend = (1 - OPACITY) * gray + OPACITY * colors[train_ids]
    painted = np.where((train_ids == IGNORE)[..., None], gray, blend)
    return painted.round().astype(np.uint8)


def paint_masks(
    image: np.ndarray, masks: Iterable[tuple[np.ndarray, Color]]
) -> np.ndarray:
    """Paint masks over the dimmed gray frame.

    Args:
        image: (H, W, 3) uint8 RGB.
        masks: (H, W) bool and (R, G, B) in [0, 255] of each mask; later ones cover.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    painted = (_gray(image) / 2).round().astype(np.uint8)
    for mask, color in masks:
        painted[mask] = color
    return painted


def _gray(image: np.ndarray) -> np.ndarray:
    return np.repeat((image @ np.array(LUMA))[..., None], 3, axis=-1)


def error_masks(
    truth: np.ndarray, prediction: np.ndarray, focus: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits, misses and false alarms of a prediction.

    Args:
        truth: (H, W) trainIds; ignored pixels (255) are no errors.
        prediction: (H, W) trainIds.
        focus: trainId of the focus class.

    Returns:
        Three (H, W) bool masks, to be painted in ``HIT``, ``MISSED``, ``FALSE_ALARM``.
    """
    labelled = truth == focus
    predicted = (prediction == focus) & (truth != IGNORE)
    return labelled & predicted, labelled & ~predicted, ~labelled & predicted

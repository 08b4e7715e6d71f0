"""Frames as pictures: truth and prediction painted over them, errors marked."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mmseg_splashkd.datasets.label_coding import IGNORE
from mmseg_splashkd.report.frames import (
    choose_frames,
    read_image,
    read_maps,
    score_frame,
)
from mmseg_splashkd.report.runs import Run, check_comparable, class_index, number

# Orange and blue stay apart for every kind of colour blindness.
MISSED, FALSE_ALARM, HIT = (230, 97, 0), (64, 176, 255), (240, 240, 240)
OPACITY = 0.6
CARD, INK, FAINT = (13, 34, 51), (240, 244, 248), (169, 188, 205)
# The host of the plots ships this font, so that captions look alike everywhere.
FONT = Path(mpl.get_data_path(), "fonts/ttf/DejaVuSans.ttf")

Color = tuple[int, int, int]
Line = list[tuple[Color | None, str]]  # pieces of text, each with its swatch if any
Tile = tuple[str, np.ndarray, Line]  # title, picture, line under the title


def _gray(image: np.ndarray) -> np.ndarray:
    weights = [0.299, 0.587, 0.114]  # ITU-R BT.601 luma
    return np.repeat((image @ weights)[..., None], 3, axis=-1)


def paint_classes(
    image: np.ndarray, train_ids: np.ndarray, palette: Sequence[tuple[int, int, int]]
) -> np.ndarray:
    """Blend the class colours over the greyed frame.

    Args:
        image: (H, W, 3) uint8 RGB.
        train_ids: (H, W) trainIds; ignored pixels (255) stay grey.
        palette: One (R, G, B) in [0, 255] per class.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    gray = _gray(image)
    colors = np.zeros((256, 3))
    colors[: len(palette)] = palette
    blend = (1 - OPACITY) * gray + OPACITY * colors[train_ids]
    painted = np.where((train_ids == IGNORE)[..., None], gray, blend)
    return painted.round().astype(np.uint8)


def paint_errors(
    image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, focus: int
) -> np.ndarray:
    """Mark what a prediction missed and where it raised a false alarm.

    Args:
        image: (H, W, 3) uint8 RGB.
        truth: (H, W) trainIds; ignored pixels (255) are no errors.
        prediction: (H, W) trainIds.
        focus: trainId of the class looked at.

    Returns:
        (H, W, 3) uint8 RGB: ``MISSED``, ``FALSE_ALARM`` and ``HIT`` pixels in their
        colours, all others the dimmed grey frame.
    """
    painted = (_gray(image) / 2).round().astype(np.uint8)
    true, found = truth == focus, (prediction == focus) & (truth != IGNORE)
    painted[true & found] = HIT
    painted[true & ~found] = MISSED
    painted[~true & found] = FALSE_ALARM
    return painted


def hero(
    runs: Sequence[Run],
    out: str | Path,
    index: int | None = None,
    focus_class: str | None = None,
    width: int = 1680,
) -> Path:
    """Draw one wide picture: a frame, its truth and what each run saw in it.

    Args:
        runs: Runs tested on the same frames.
        out: The PNG to write.
        index: The frame, by default the one with most of the class.
        focus_class: The class whose Dice is written, by default the last one.
        width: Width of the picture in pixels.

    Returns:
        ``out``.

    Raises:
        ValueError: The runs are not comparable or know no such class.
    """
    check_comparable(runs)
    first, focus = runs[0], class_index(runs[0], focus_class)
    name = first.classes[focus]
    if index is None:
        index = next(iter(choose_frames(runs, focus_class)))
    image = read_image(first.frames[index])
    truth, _ = read_maps(first, index)
    tiles = _shared_tiles(first, index, image, truth)
    for run in runs:
        _, prediction = read_maps(run, index)
        here = number(score_frame(truth, prediction, focus).dice, 1)
        overall = number(run.metrics.get(f"Dice.{name}"), 1)
        score = f"{name} Dice {here} here, {overall} overall"
        picture = paint_classes(image, prediction, run.palette)
        tiles.append((run.title, picture, [(None, score)]))
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    _strip(tiles, width // len(tiles)).save(out, optimize=True)
    return out


def _shared_tiles(
    run: Run, index: int, image: np.ndarray, truth: np.ndarray
) -> list[Tile]:
    legend: Line = list(zip(run.palette, run.classes, strict=True))
    return [
        ("Frame", image, [(None, run.frames[index].image.name)]),
        ("Truth", paint_classes(image, truth, run.palette), legend),
    ]


def _strip(tiles: Sequence[Tile], tile_width: int) -> Image.Image:
    """Put captioned pictures of one size side by side on a card."""
    height, width = tiles[0][1].shape[:2]
    gap = tile_width // 25
    inner = tile_width - gap
    size = (inner, round(inner * height / width))
    bottom = gap + size[1]
    card = Image.new("RGB", (tile_width * len(tiles) + gap, bottom + 6 * gap), CARD)
    draw = ImageDraw.Draw(card)
    for column, (title, picture, line) in enumerate(tiles):
        left = gap + column * tile_width
        card.paste(Image.fromarray(picture).resize(size), (left, gap))
        at = (left, bottom + 2 * gap)
        _write(draw, at, [(None, title)], INK, inner, tile_width // 15)
        at = (left, bottom + 9 * gap // 2)
        _write(draw, at, line, FAINT, inner, tile_width // 19)
    return card


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    line: Line,
    color: Color,
    width: int,
    size: int,
) -> None:
    """Write one line rightwards from its left middle, smaller if it would not fit."""
    text = "  ".join(
        label if swatch is None else f"■ {label}" for swatch, label in line
    )
    needed = max(width, ImageFont.truetype(str(FONT), size).getlength(text))
    font = ImageFont.truetype(str(FONT), int(size * width / needed))
    x, y = at
    for swatch, label in line:
        if swatch is not None:
            # The stroke keeps a dark swatch visible on the dark card.
            stroke = {"stroke_width": 1, "stroke_fill": color}
            draw.text((x, y), "■", fill=swatch, font=font, anchor="lm", **stroke)
            x += font.getlength("■ ")
        draw.text((x, y), label, fill=color, font=font, anchor="lm")
        x += font.getlength(f"{label}  ")

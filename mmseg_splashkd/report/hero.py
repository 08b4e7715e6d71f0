"""One wide picture: a frame, its truth, and the predictions of several arms."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mmseg_splashkd.files import whole_file
from mmseg_splashkd.report.pictures import Color

CARD, INK, FAINT = (13, 34, 51), (240, 244, 248), (169, 188, 205)
# matplotlib ships this font, so captions look the same on every machine.
FONT = Path(mpl.get_data_path(), "fonts/ttf/DejaVuSans.ttf")

Line = Sequence[tuple[Color | None, str]]  # pieces of text, each with a swatch or None
Picture = tuple[str, np.ndarray, Line]  # title, (H, W, 3) uint8 RGB, second line


def write_hero(pictures: Sequence[Picture], out: str | Path, width: int = 1680) -> Path:
    """Write captioned pictures side by side as a PNG file.

    Args:
        pictures: Title, (H, W, 3) uint8 RGB and second line of the caption of each; all
            of one size.
        out: The PNG file.
        width: Width of all pictures together in pixels; a margin is added.

    Returns:
        ``out``.
    """
    with whole_file(out) as partial:
        _strip(pictures, width // len(pictures)).save(partial, "PNG", optimize=True)
    return Path(out)


def _strip(pictures: Sequence[Picture], tile_width: int) -> Image.Image:
    height, width = pictures[0][1].shape[:2]
    gap = tile_width // 25
    inner = tile_width - gap
    size = (inner, round(inner * height / width))
    bottom = gap + size[1]
    card = Image.new("RGB", (tile_width * len(pictures) + gap, bottom + 6 * gap), CARD)
    draw = ImageDraw.Draw(card)
    for column, (title, picture, line) in enumerate(pictures):
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
    color: tuple[int, int, int],
    width: int,
    size: int,
) -> None:
    """Write one line from its left middle, in a smaller font if it is too wide."""
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
            draw.text((x, y), "■", fill=tuple(swatch), font=font, anchor="lm", **stroke)
            x += font.getlength("■ ")
        draw.text((x, y), label, fill=color, font=font, anchor="lm")
        x += font.getlength(f"{label}  ")

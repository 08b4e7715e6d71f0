"""Boxes and ids of splashes over a picture."""

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw

from mmseg_splashkd.evaluation.components import Area
from mmseg_splashkd.report.figures import COLORS


def colour_of(track: int) -> str:
    """The colour of a track, which it keeps."""
    return COLORS[track % len(COLORS)]


def draw_tracks(picture: np.ndarray, splashes: Mapping[int, Area]) -> np.ndarray:
    """Draw the box and the id of each splash.

    Args:
        picture: (H, W, 3) uint8 RGB.
        splashes: Id -> splash of this frame.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for track, splash in splashes.items():
        left, top, right, bottom = splash.box
        colour, text = colour_of(track), str(track)
        draw.rectangle((left, top, right - 1, bottom - 1), outline=colour)
        width, height = draw.textbbox((0, 0), text)[2:]
        # Above the box, or below it at the upper edge of the picture.
        x = max(0, min(left, image.width - int(width)))
        y = top - int(height) - 1 if top > height else bottom + 1
        draw.rectangle((x, y, x + int(width), y + int(height)), fill="black")
        draw.text((x, y), text, fill=colour)
    return np.asarray(image)

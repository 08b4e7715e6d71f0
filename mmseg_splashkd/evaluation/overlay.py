"""Class colours over a picture."""

from collections.abc import Sequence

import numpy as np

IGNORED = (128, 128, 128)


def overlay(
    pixels: np.ndarray,
    classes: np.ndarray,
    palette: Sequence[Sequence[int]],
    opacity: float = 0.5,
) -> np.ndarray:
    """Paint classes over a picture.

    Args:
        pixels: (H, W, 3) RGB in [0, 255], of any type.
        classes: (H, W) uint8 trainIds; values beyond the palette, such as 255, are
            painted gray.
        palette: C colours (R, G, B) in [0, 255].
        opacity: Opacity of the colours, in [0, 1].

    Returns:
        (H, W, 3) uint8 RGB.
    """
    colours = np.full((256, 3), IGNORED, np.float32)
    colours[: len(palette)] = palette
    return np.rint(pixels + opacity * (colours[classes] - pixels)).astype(np.uint8)

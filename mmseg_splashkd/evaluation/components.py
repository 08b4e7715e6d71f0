"""Connected areas of a mask."""

from typing import cast

import numpy as np
from scipy import ndimage


def connected(mask: np.ndarray) -> np.ndarray:
    """Number the 8-connected areas of a mask.

    Args:
        mask: (H, W) bool.

    Returns:
        (H, W) integers: the area of each pixel, from 1, in reading order of their first
        pixels; 0 outside.
    """
    labelled = ndimage.label(mask, structure=np.ones((3, 3)))
    return cast("tuple[np.ndarray, int]", labelled)[0]

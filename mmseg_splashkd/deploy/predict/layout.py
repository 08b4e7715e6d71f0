"""Files of predictions in a folder."""

from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_splashkd.files import whole_file

MASKS, OVERLAYS = "masks", "overlays"


def picture_file(folder: Path, kind: str, name: str) -> Path:
    """File of a kind, ``MASKS`` or ``OVERLAYS``, for a frame of a name."""
    return folder / kind / f"{name}.png"


def write_picture(path: Path, pixels: np.ndarray, frame: Path | None) -> None:
    """Write a PNG atomically.

    Args:
        path: The file.
        pixels: (H, W) or (H, W, 3).
        frame: File of the frame that it is of, which must be another one.

    Raises:
        UnwritableError: Drive, quota or rights do not allow it.
        ValueError: It would replace the frame.
    """
    if frame is not None and path.resolve() == frame.resolve():
        raise ValueError(f"{path} would replace the frame: name another folder")
    with whole_file(path) as partial:
        Image.fromarray(pixels).save(partial, "PNG")

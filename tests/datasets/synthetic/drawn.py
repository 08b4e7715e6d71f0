"""Draw small videos and read them back."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.synthetic.video import draw_pond


def draw_tiny(out_dir: Path, **arguments) -> Path:
    """Draw 20 frames of 48 x 56 pixels, by default."""
    defaults = {"frames": 20, "size": (48, 56), "progress": False}
    return draw_pond(out_dir, **(defaults | arguments))


def read_rows(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_pixels(table: Path, column: str) -> list[np.ndarray]:
    """Pixels of every frame or label, in time order."""
    return [np.asarray(Image.open(table.parent / r[column])) for r in read_rows(table)]


def read_bytes(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def gray(frame: np.ndarray) -> np.ndarray:
    """(..., 3) pixels -> mean over the colours."""
    return frame.astype(float).mean(-1)

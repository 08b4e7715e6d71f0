"""Writes small folders of time-stamped frames and gray labels."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

START = 1_714_521_600
SIZE = (16, 12)  # width, height


def stamp(number: int, nanoseconds: int = 0) -> str:
    """File stem of frame ``number``; frames are five seconds apart."""
    return f"{START + 5 * number:010d}-{nanoseconds:09d}"


def write_frame(path: Path, seed: int, size: tuple[int, int] = SIZE) -> None:
    """Write an RGB frame of noise."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise.astype(np.uint8)).save(path)


def write_label(path: Path, pixels: np.ndarray) -> None:
    """Write a label as Pillow stores its dtype and shape."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def splash_label(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W) label with a 4x4 splash (255) on background (0)."""
    label = np.zeros((size[1], size[0]), np.uint8)
    label[seed % 8 : seed % 8 + 4, 3:7] = 255
    return label


def draw_frames(root: Path, stems: list[str], img_suffix: str = ".png") -> Path:
    """Write ``root``/images and ``root``/labels; a stem may start with a recording."""
    for seed, stem in enumerate(stems):
        write_frame(root / "images" / f"{stem}{img_suffix}", seed)
        write_label(root / "labels" / f"{stem}.png", splash_label(seed))
    return root


def write_table(table: Path, header: list[str], rows: list[list[str]]) -> Path:
    """Write a CSV."""
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return table


def halve(path: Path) -> None:
    """Truncate a file to half its size."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

"""Small folders of pictures and masks, as users have them."""

from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_splashkd.project.choices import Machine
from mmseg_splashkd.project.new import Wishes, look_at, new_project
from mmseg_splashkd.project.plan import Plan

CPU = Machine(cores=2)


def save_pair(
    image: Path,
    mask: Path | None,
    seed: int,
    size: tuple[int, int] = (40, 32),
    gray: bool = False,
    values: tuple[int, ...] = (0, 255),
) -> None:
    """Write a picture of noise and a mask with an area of each value."""
    shape = (size[1], size[0]) if gray else (size[1], size[0], 3)
    noise = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    image.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).save(image)
    if mask is not None:
        mask.parent.mkdir(parents=True, exist_ok=True)
        label = np.full((size[1], size[0]), values[0], np.uint8)
        for i, value in enumerate(values[1:]):
            label[4 * i : 4 * i + 4, :10] = value
        Image.fromarray(label).save(mask)


def waves(root: Path, count: int = 11) -> Path:
    """Gray frames 0.png to 10.png and masks of the same names, in two folders."""
    for n in range(count):
        save_pair(
            root / "images" / f"{n}.png", root / "masks" / f"{n}.png", n, gray=True
        )
    return root


def photos(root: Path, count: int = 30) -> Path:
    """Photos of different sizes and suffixes, gray and RGB, beside their masks."""
    for n in range(count):
        suffix = (".jpg", ".png", ".jpeg")[n % 3]
        size = (40 + n, 32 + n // 2)
        image = root / f"photo {n}{suffix}"
        save_pair(image, root / f"photo {n}_mask.png", n, size, gray=n % 7 == 0)
    (root / "notes.txt").touch()
    return root


def recordings(root: Path, count: int = 20) -> Path:
    """Two cameras with a frame every five seconds."""
    for camera in ("east", "west"):
        for n in range(count):
            stem = f"{1_714_521_600 + 5 * n:010d}-000000000"
            folder = root / camera
            save_pair(folder / f"img_dir/{stem}.png", folder / f"ann_dir/{stem}.png", n)
    return root


def project(data: Path, out: Path, machine: Machine = CPU, **wishes) -> Plan:
    """Write a project without a progress bar."""
    return new_project(look_at(data, progress=False), Wishes(**wishes), out, machine)

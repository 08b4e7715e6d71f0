"""Foreign pictures: found, measured without decoding, and turned upright."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.timestamps import TimestampFormat

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
Picture = Path | Callable[[], np.ndarray]


def find_pictures(folder: Path) -> list[Path]:
    """Pictures of a folder and its subfolders, in the order of their paths."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def measure(path: Path) -> tuple[Picture, tuple[int, int]]:
    """Look at a picture's header.

    Annotation tools show, and measure, a photograph upright; a copy of the file would
    leave its label behind.

    Returns:
        The path, or a function that gives (H, W, 3) uint8 RGB where the camera was
        held askew; then (W, H) as it stands upright.

    Raises:
        ValueError: It is missing or no picture.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            # Pillow decodes a whole PNG to look for the tag, which PNGs hardly have.
            png = image.format == "PNG"
            orientation = (
                1 if png else image.getexif().get(ExifTags.Base.Orientation, 1)
            )
    except (OSError, SyntaxError) as error:
        raise ValueError(f"picture {path} cannot be read: {error}") from error
    if orientation == 1:
        return path, (width, height)
    # 5 to 8 lie on their side.
    size = (height, width) if orientation in range(5, 9) else (width, height)
    return partial(_read_upright, path), size


def _read_upright(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def recording_of(folder: Path, name: str) -> str:
    """Name a recording by the folder of its pictures, relative to that of all.

    Args:
        folder: The folder.
        name: What pictures in no folder of their own are called.

    Raises:
        ValueError: ``folder`` leads elsewhere.
    """
    if folder.is_absolute() or ".." in folder.parts:
        raise ValueError(f"folder {folder} leads out of the data set")
    return name if folder == Path() else folder.as_posix()


def when_and_where(
    picture: Path, timestamp: TimestampFormat, name: str, stem: str = ""
) -> tuple[int, str]:
    """Read a picture's time and recording off its path.

    Args:
        picture: Its path relative to the folder of all pictures.
        timestamp: How stems tell the time.
        name: The recording of pictures in no folder of their own.
        stem: The stem, where the file's own has something in front.

    Returns:
        Nanoseconds and the recording.

    Raises:
        ValueError: The stem is no time stamp.
    """
    stamp = timestamp.parse(stem or picture.stem, picture)
    if stamp.recording is None:
        return stamp.timestamp, recording_of(picture.parent, name)
    return stamp.timestamp, (picture.parent / stamp.recording).as_posix()


def check_times(items: Iterable[Item]) -> None:
    """Make sure that no two frames of a recording have the same time.

    Raises:
        ValueError: Two have.
    """
    seen: dict[tuple[str, int], Item] = {}
    for item in items:
        first = seen.setdefault((item.recording, item.timestamp), item)
        if first is not item:
            raise ValueError(
                f"{first.image} and {item.image} have the same time in recording "
                f"{item.recording!r}: {item.timestamp} ns. Name the pattern of the "
                f"files' time stamps by timestamp="
            )

"""Foreign pictures: listing, size without decoding, EXIF orientation, time stamps."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

import numpy as np
from PIL import ImageOps

from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import index_unique, warn_passed_over
from mmseg_splashkd.datasets.image_file import (
    check_image,
    open_image,
    read_header,
)
from mmseg_splashkd.datasets.listing import list_pictures
from mmseg_splashkd.datasets.timestamps import NO_TIME, TimestampFormat

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
Label = Callable[[], np.ndarray]
Picture = Path | Callable[[], np.ndarray]
Size = tuple[int, int]  # (W, H) in pixels


def find_pictures(folder: Path) -> list[Path]:
    """Pictures of a folder and its subfolders, sorted by path."""
    pictures, passed_over = list_pictures(folder, SUFFIXES)
    warn_passed_over(folder, passed_over, f"pictures are {', '.join(SUFFIXES)}")
    return pictures


@dataclass(frozen=True)
class UprightPicture:
    """Pixels of a picture with its EXIF orientation applied, read when called.

    Args:
        path: The picture.
    """

    path: Path

    def __call__(self) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB.

        Raises:
            ValueError: The picture is damaged.
        """
        check_image(self.path, "picture")
        with open_image(self.path, "picture") as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def open_picture(path: Path) -> tuple[Picture, Size | None]:
    """Read the header of a picture.

    Annotation tools show and measure a picture after its EXIF orientation is applied. A
    plain copy of a rotated picture would not match its label.

    Returns:
        The path, or, if the picture is rotated, an ``UprightPicture``; and the size
        (W, H) with the orientation applied. The size is None if the header cannot be
        read: ``write_items`` judges all pictures at once, so that the first bad one
        does not hide the others.
    """
    try:
        header = read_header(path, "picture")
    except ValueError:
        return path, None
    (width, height), orientation = header.size, header.orientation
    if orientation == 1:
        return path, (width, height)
    # Orientations 5 to 8 swap width and height.
    size = (height, width) if orientation in range(5, 9) else (width, height)
    return UprightPicture(path), size


def recording_of(folder: Path, default: str) -> str:
    """Recording name of the pictures in a folder.

    Args:
        folder: Folder of the pictures, relative to the root folder of all pictures.
        default: Recording name of pictures directly in the root folder.

    Raises:
        ValueError: ``folder`` is outside of the root folder.
    """
    drive = PureWindowsPath(folder).drive
    if drive or folder.is_absolute() or ".." in folder.parts:
        raise ValueError(f"folder {folder} leads out of the data set")
    return default if folder == Path() else folder.as_posix()


def picture_item(
    path: Path,
    root: Path,
    timestamp: TimestampFormat,
    default: str,
    make_label: Callable[[Size], Label | None],
    stem: str = "",
    split: str = "",
) -> Item:
    """Make the item of a picture, with time and recording from its path.

    Args:
        path: The picture.
        root: Root folder of all pictures; a subfolder is a recording.
        timestamp: Format of the time in the stem.
        default: Recording name of pictures directly in ``root``.
        make_label: Returns the label of the picture for its size (W, H); None if it is
            unlabelled. Not called for a picture that cannot be read.
        stem: Stem to parse, if it differs from that of ``path``.
        split: ``'train'``, ``'val'``, ``'test'`` or empty.

    Returns:
        The item; without a label if the picture cannot be read, see ``open_picture``.

    Raises:
        ValueError: The stem of the picture has no time stamp.
    """
    folder = path.relative_to(root).parent
    stamp = timestamp.parse(stem or path.stem, path.relative_to(root))
    if stamp.recording is None:
        recording = recording_of(folder, default)
    else:
        recording = (folder / stamp.recording).as_posix()
    picture, size = open_picture(path)
    source = path.relative_to(root).as_posix()
    label = make_label(size) if size else None
    return Item(recording, stamp.timestamp, picture, label, split, source)


def check_times(items: Iterable[Item]) -> None:
    """Check that no two frames of a recording have the same time, if they have one.

    Raises:
        ValueError: Two frames have the same time.
    """
    index_unique(
        (
            ((item.recording, item.timestamp), item.image)
            for item in items
            if item.timestamp != NO_TIME
        ),
        "have the same time in one recording. Set the pattern of the time stamps in "
        "file names with timestamp=",
    )

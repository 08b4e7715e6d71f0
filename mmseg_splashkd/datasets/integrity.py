"""Validation of an image file and its label file."""

from pathlib import Path

import numpy as np

from mmseg_splashkd.datasets.image_file import (
    ImageHeader,
    check_image,
    read_as_training,
)
from mmseg_splashkd.datasets.label_coding import IGNORE, LabelCoding, read_gray
from mmseg_splashkd.files import why_no_file


def check_pair(image: Path, label: Path, coding: LabelCoding) -> bool:
    """Check that a frame and its label are readable and fit each other.

    A PNG frame is verified by its checksums and not decoded; see ``check_image``.

    Args:
        image: Image file of the frame.
        label: Gray-coded label file of the frame.
        coding: Label coding of the label.

    Returns:
        Whether any pixel of the label counts: False if all are ignored.

    Raises:
        FileNotFoundError: The frame or the label is missing.
        ValueError: A file is damaged, sizes differ, or a label value is outside the
            coding.
    """
    for path, what in ((image, "frame"), (label, "label of frame " + str(image))):
        if not path.is_file():
            raise FileNotFoundError(f"{what}: {path} {why_no_file(path)}")
    size = image_size(image)
    gray = read_gray(label)
    if gray.shape[:2] != size[::-1]:
        raise ValueError(
            f"label {label} is {gray.shape[1]}x{gray.shape[0]}, but its frame {image} "
            f"is {size[0]}x{size[1]}"
        )
    return bool((coding.to_train_ids(gray, str(label)) != IGNORE).any())


def read_frame(image: Path, unchanged: bool = False) -> tuple[ImageHeader, np.ndarray]:
    """Header and pixels of a frame that both checks and training can read.

    The data check and the converters judge pictures by this function.

    Args:
        image: Image file of the frame.
        unchanged: Whether training reads all channels and bits as stored.

    Returns:
        The header, and the pixels of ``read_as_training``.

    Raises:
        ValueError: The file is damaged or not an image, or OpenCV cannot read it.
    """
    return check_image(image, "frame"), read_as_training(image, unchanged)


def image_size(image: Path) -> tuple[int, int]:
    """(width, height) of an undamaged image file in pixels.

    Raises:
        ValueError: The file is damaged, not an image, or has an EXIF orientation.
    """
    return upright_size(check_image(image, "frame"), image)


def upright_size(header: ImageHeader, image: Path) -> tuple[int, int]:
    """(width, height) in pixels of a frame whose pixels are stored upright.

    Args:
        header: Header of the frame.
        image: Its file, for the error message.

    Raises:
        ValueError: The frame has an EXIF orientation.
    """
    # mmcv rotates the frame by its EXIF tag, but not the label.
    if header.orientation != 1:
        raise ValueError(
            f"frame {image} has an EXIF orientation, which rotates it but not its "
            f"label: save the rotated pixels without that tag"
        )
    return header.size

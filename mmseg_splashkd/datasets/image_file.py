"""Reading of image files: header, damage, and the pixels that training reads."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mmcv
import numpy as np
import simplejpeg
from PIL import ExifTags, Image

from mmseg_splashkd.files import check_regular
from mmseg_splashkd.foreign import UnreadableError, one_line
from mmseg_splashkd.limits import PIXELS

FORMATS = [
    "PNG",
    "JPEG",
    "MPO",
    "BMP",
    "DIB",
    "TIFF",
    "WEBP",
    "GIF",
    "PPM",
    "JPEG2000",
    "AVIF",
    "TGA",
]
JPEG = ("JPEG", "MPO")  # MPO: a JPEG with further pictures behind the first
# Changing the filters of warnings is not thread-safe, and frames are read in threads.
_FILTERS = threading.Lock()


@dataclass(frozen=True)
class ImageHeader:
    """Header of an image file.

    Attributes:
        size: (W, H) in pixels, as stored.
        orientation: EXIF orientation, 1 (upright) to 8.
        format: Name of the format, such as ``'PNG'``.
        deep: Whether the pixels have more than 8 bits per channel.
    """

    size: tuple[int, int]
    orientation: int
    format: str
    deep: bool


@contextmanager
def open_image(path: str | Path, what: str) -> Iterator[Image.Image]:
    """Open an image file; whatever is wrong with it is an error that names it.

    Pillow raises errors of many types for damaged or extreme files, and only warns of
    some damage.

    Args:
        path: The file.
        what: Its role, for error messages, such as ``'frame'``.

    Yields:
        The image, not decoded yet. Errors of reading it inside the context, too, name
        the file.

    Raises:
        ValueError: The file is missing, damaged, no image, has more pixels than the
            limit, or its EXIF data cannot be read.
    """
    try:
        check_regular(path)
        with _FILTERS, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            image = _opened(path)
        with image:
            _check_warnings(caught)
            PIXELS.check(image.width * image.height, "it")
            image.info["orientation"] = _orientation(image)
            yield image
    except Exception as error:
        raise UnreadableError(
            f"{what} {path} cannot be read: {one_line(_reason(error))}"
        ) from error


def _opened(path: str | Path) -> Image.Image:
    """Open a file of one of ``FORMATS``, whatever its suffix.

    Pillow would run Ghostscript for PostScript in a file that is named ``.png``.
    """
    Image.init()
    own, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # PIXELS holds instead
    try:
        return Image.open(
            path, formats=[each for each in FORMATS if each in Image.OPEN]
        )
    finally:
        Image.MAX_IMAGE_PIXELS = own


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    if "MAX_TEXT" in text:
        return f"{text}: save it again without its text chunks"
    return text


def _check_warnings(caught: list[warnings.WarningMessage]) -> None:
    """Raise an error for damage that Pillow only warns of, such as broken EXIF data."""
    for warning in caught:
        if "PIL" in Path(warning.filename).parts:
            raise ValueError(f"{warning.message}: save it again without EXIF data")


def read_header(path: str | Path, what: str) -> ImageHeader:
    """Read the header of an image file.

    Args:
        path: The file.
        what: Its role, for error messages.

    Raises:
        ValueError: See ``open_image``.
    """
    with open_image(path, what) as image:
        return _header(image)


def check_image(path: str | Path, what: str) -> ImageHeader:
    """Read an image file completely, and return its header.

    JPEG data are decoded, PNG data are verified by their checksums. Damage of which
    libjpeg only warns, such as data that end early, is an error.

    Args:
        path: The file.
        what: Its role, for error messages.

    Raises:
        ValueError: See ``open_image``.
    """
    with open_image(path, what) as image:
        header = _header(image)
        if header.format in JPEG:
            _check_jpeg(Path(path).read_bytes())
        elif header.format == "PNG":
            image.verify()
        else:
            image.load()
        return header


def _header(image: Image.Image) -> ImageHeader:
    deep = image.mode[0] in "IF" or ";16" in str(getattr(image, "tile", ""))
    return ImageHeader(image.size, image.info["orientation"], image.format or "", deep)


def _orientation(image: Image.Image) -> int:
    exif = Image.Exif()
    # For PNG, getexif() decodes the whole file.
    exif.load(image.info.get("exif", b""))
    return int(exif.get(ExifTags.Base.Orientation, 1))


def _check_jpeg(content: bytes) -> None:
    """Decode at an eighth of the size, which still reads all compressed data."""
    try:
        simplejpeg.decode_jpeg(
            content, "GRAY", fastdct=True, min_height=1, min_width=1, min_factor=8
        )
    except ValueError as error:
        raise ValueError(
            f"{error}. A part of the picture is missing or gray: copy it again from "
            f"its source, or leave the frame out"
        ) from error


def read_as_training(path: str | Path, unchanged: bool = False) -> np.ndarray:
    """Pixels of a frame as ``LoadImageFromFile`` reads them.

    Its EXIF orientation is applied, and of 16 bits the upper 8 are kept, by default.

    Args:
        path: The file.
        unchanged: Whether the pipeline reads with ``color_type='unchanged'``: all
            channels and bits as stored, without the orientation.

    Returns:
        (H, W, 3) uint8 RGB; unchanged, (H, W, C) of the file's type, blue first.

    Raises:
        ValueError: OpenCV cannot read the file, or it has more pixels than the limit.
    """
    read_header(path, "frame")
    content = Path(path).read_bytes()
    flag, order = ("unchanged", "bgr") if unchanged else ("color", "rgb")
    try:
        pixels = mmcv.imfrombytes(content, flag, order, backend="cv2")
        height, width = pixels.shape[:2]
    except Exception as error:  # OpenCV returns None for what it cannot read
        raise ValueError(
            f"frame {path} cannot be read by OpenCV: save it as PNG"
        ) from error
    return pixels.reshape(height, width, -1)


def read_picture(path: str | Path) -> np.ndarray:
    """A frame to look at, whatever its channels and bits.

    Of four channels the first three are shown. Of more than 8 bits, the values from the
    smallest to the largest are spread over 0 to 255.

    Args:
        path: The file.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: See ``open_image``.
    """
    with open_image(path, "frame") as image:
        if not _header(image).deep:
            return np.asarray(image.convert("RGB"))
    pixels = read_as_training(path, unchanged=True)[..., :3].astype(np.float32)
    low, high = pixels.min(), pixels.max()
    pixels = np.rint((pixels - low) * (255 / max(high - low, 1))).astype(np.uint8)
    return np.broadcast_to(pixels[..., ::-1], (*pixels.shape[:2], 3)).copy()

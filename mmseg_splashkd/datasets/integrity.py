"""Whether a frame and its label can be trained on."""

from pathlib import Path

from PIL import ExifTags, Image

from mmseg_splashkd.datasets.label_coding import LabelCoding, read_gray


def check_pair(image: Path, label: Path, coding: LabelCoding) -> None:
    """Read the label, and of the frame what tells its size and damage.

    Args:
        image: The frame.
        label: Its gray-coded label.
        coding: How the label is coded.

    Raises:
        FileNotFoundError: The frame or the label is missing.
        ValueError: A file is damaged, sizes differ, or a label value is unknown.
    """
    for path, what in ((image, "frame"), (label, "label of frame " + str(image))):
        if not path.is_file():
            raise FileNotFoundError(f"{what}: {path} does not exist")
    size = size_of(image)
    gray = read_gray(label)
    if gray.shape[:2] != size[::-1]:
        raise ValueError(
            f"label {label} is {gray.shape[1]}x{gray.shape[0]}, but its frame {image} "
            f"is {size[0]}x{size[1]}"
        )
    coding.to_train_ids(gray, str(label))


def size_of(image: Path) -> tuple[int, int]:
    """(width, height) of a whole frame.

    Raises:
        ValueError: It is damaged, no image, or to be turned when shown.
    """
    try:
        with Image.open(image) as frame:
            size = frame.size
            exif = Image.Exif()
            exif.load(frame.info.get("exif", b""))
            if frame.format == "PNG":
                frame.verify()  # its checksums, without decoding it
            else:
                frame.load()
    except (OSError, SyntaxError) as error:
        raise ValueError(f"frame {image} cannot be read: {error}") from error
    if (
        exif.get(ExifTags.Base.Orientation, 1) != 1
    ):  # the host turns the frame alone, labelling tools do or do not
        raise ValueError(
            f"frame {image} is to be turned when shown (EXIF orientation), its label "
            f"is not: save it as it shall be seen, without that tag"
        )
    return size

"""The frames of a target, as a split table of their own."""

from collections.abc import Sequence
from pathlib import Path

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.listing import describe_passed_over, list_pictures
from mmseg_splashkd.datasets.split_table import write_table
from mmseg_splashkd.datasets.timestamps import NO_TIME, TimestampFormat

FOLDERS = ("images", "labels")
LABEL_SUFFIX = ".png"


def list_target(folder: Path, timestamp: TimestampFormat) -> list[Frame]:
    """Frames of a folder, with the labels that some of them may have.

    Args:
        folder: Folder with ``images`` and, for frames whose label is known, ``labels``
            with files of the same names; or a folder of pictures and their subfolders.
        timestamp: Format of names that tell a time; other names tell none.

    Returns:
        Frames of the split ``'train'``, in the order of their paths.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: It holds no picture.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"--target {folder} is no folder")
    images, labels = (folder / name for name in FOLDERS)
    root = images if images.is_dir() else folder
    pictures, passed_over = list_pictures(root)
    if not pictures:
        there = describe_passed_over(passed_over) or "nothing"
        raise ValueError(f"--target {folder} holds no picture: {there} in {root}")
    return [_frame(picture, root, labels, timestamp) for picture in pictures]


def _frame(
    picture: Path, root: Path, labels: Path, timestamp: TimestampFormat
) -> Frame:
    inner = picture.relative_to(root)
    try:
        time = timestamp.parse(inner.stem, picture).timestamp
    except ValueError:
        time = NO_TIME
    label = labels / inner.with_suffix(LABEL_SUFFIX)
    return Frame(
        inner.parent.as_posix(),
        time,
        str(picture.resolve()),
        str(label.resolve()) if label.is_file() else "",
        "train",
    )


def write_target_table(file: Path, frames: Sequence[Frame]) -> Path:
    """Write frames as a split table, beside which a resumed run finds them again."""
    return write_table(file.resolve(), frames)

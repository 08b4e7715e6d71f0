"""Cityscapes, and data sets in its style (Cordts et al., CVPR 2016)."""

from collections.abc import Sequence
from pathlib import Path

from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import (
    LabelFile,
    expect_folders,
    files_in,
    nominal_starts,
)
from mmseg_splashkd.datasets.timestamps import SECOND, Stamp, TimestampFormat

LAYOUT = """Expected layout of SRC (folders and suffixes can be set):
  leftImg8bit/<split>/<city>/<city>_<sequence>_<frame>_leftImg8bit.png   frames
  gtFine/<split>/<city>/<city>_<sequence>_<frame>_gtFine_labelIds.png    gray labels
Splits are train, val, test and, if asked for, train_extra. Frames may lack a label."""
PARTS = {"train": "train", "val": "val", "test": "test", "train_extra": "train"}
USUAL = ("train", "val", "test")
STEMS = {
    "sequence": r"(?P<recording>.+_[^_]+)_(?P<stamp>[0-9]+)",
    "city": r"(?P<recording>.+)_[^_]+_(?P<stamp>[0-9]+)",
}


def read_cityscapes(
    src: Path,
    splits: Sequence[str] = (),
    image_folder: str = "leftImg8bit",
    label_folder: str = "gtFine",
    image_suffix: str = "_leftImg8bit.png",
    label_suffix: str = "_gtFine_labelIds.png",
    recording: str = "sequence",
    fps: float | str = 17,
) -> list[Item]:
    """List the frames of Cityscapes, with their parts; a label is one of labelIds.

    Labels of the official test part are there, but hold ignored values alone.

    Args:
        src: The folder with the folders of frames and labels.
        splits: Of train, val, test and train_extra (which is then in train); by default
            those of the first three that are there.
        image_folder: Folder of frames in ``src``.
        label_folder: Folder of labels in ``src``.
        image_suffix: What follows ``<city>_<sequence>_<frame>`` in a frame's name.
        label_suffix: The same of a label.
        recording: ``'sequence'``: each sequence is a recording; ``'city'``: each city,
            where frame numbers go on from sequence to sequence.
        fps: Frames a second of the videos, whose frame numbers the names tell.

    Raises:
        FileNotFoundError: A folder is missing, or there are no frames or no labels.
        ValueError: An argument is unfit, or a name does not have the three numbers.
    """
    if unknown := [split for split in splits if split not in PARTS]:
        raise ValueError(f"splits {unknown} are none of {list(PARTS)}")
    if recording not in STEMS:
        raise ValueError(f"recording={recording!r} is none of {list(STEMS)}")
    images, labels = src / image_folder, src / label_folder
    expect_folders((src, images, labels), LAYOUT)
    splits = splits or [split for split in USUAL if (images / split).is_dir()]
    expect_folders((images / split for split in splits), LAYOUT)
    stamp = TimestampFormat("frame", stem=STEMS[recording], fps=fps)
    found = [
        (stamp.parse(stem, image), image, label, PARTS[split])
        for split in splits
        for stem, image, label in _list_split(
            images / split, labels / split, image_suffix, label_suffix
        )
    ]
    if not any(label for _, _, label, _ in found):
        what = f"label *{label_suffix}" if found else f"frame *{image_suffix}"
        raise FileNotFoundError(f"no {what} in the splits {list(splits)}. {LAYOUT}")
    return _stack(found)


def _list_split(
    images: Path, labels: Path, image_suffix: str, label_suffix: str
) -> list[tuple[str, Path, Path | None]]:
    """Stem, frame and label, None where there is none."""
    found = []
    for city in sorted(path for path in images.iterdir() if path.is_dir()):
        for stem, image in files_in(city, image_suffix).items():
            label = labels / city.name / f"{stem}{label_suffix}"
            found.append((stem, image, label if label.is_file() else None))
    return found


def _stack(found: list[tuple[Stamp, Path, Path | None, str]]) -> list[Item]:
    """Put recordings one after the other: frame numbers tell only the time in one."""
    starts = nominal_starts(str(stamp.recording) for stamp, *_ in found)
    return [
        Item(
            recording=str(stamp.recording),
            timestamp=starts[str(stamp.recording)] * SECOND + stamp.timestamp,
            image=image,
            label=LabelFile(label) if label else None,
            split=split,
        )
        for stamp, image, label, split in found
    ]

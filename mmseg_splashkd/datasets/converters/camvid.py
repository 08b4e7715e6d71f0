"""CamVid in the 11 classes of the SegNet authors (Brostow et al., PRL 2009)."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import (
    LabelFile,
    check_choice,
    expect_folders,
    nominal_starts,
    pairs,
)
from mmseg_splashkd.datasets.split_table import SPLITS
from mmseg_splashkd.datasets.timestamps import TimestampFormat, timestamp_format

LAYOUT = """Expected layout of SRC, either that of SegNet's tutorial:
  train/, val/, test/                 frames <sequence>_[f]<frame number>.png
  trainannot/, valannot/, testannot/  gray labels of the same names
or that of a compact copy:
  images/train/, images/val/, images/test/   frames, .png or .jpg
  labels/train/, labels/val/, labels/test/   gray labels .png of the same stems"""
STEM = r"(?P<recording>[^_]+)_f?(?P<stamp>[0-9]+)"
# The recording dates are unknown; nominal starts keep the sequences apart.
STARTS = nominal_starts(("0001TP", "0006R0", "0016E5", "Seq05VD"))


def read_camvid(
    src: Path,
    parts: str = "official",
    fps: float | str | None = None,
    timestamp: str | Mapping[str, Any] | None = None,
) -> list[Item]:
    """List the frames of CamVid; each sequence is one recording.

    Args:
        src: Folder with one of the two layouts.
        parts: ``'official'`` (default) keeps the split of the benchmark, which does not
            separate the parts in time; ``'none'`` leaves the frames unsplit.
        fps: Frames per second of the videos, to convert frame numbers in file names
            into times; 30 by default.
        timestamp: Format of the time in the stems, or ``'none'``, for other data in one
            of the layouts; frames whose stems name no recording are of one recording,
            the name of ``src``. None (default) reads CamVid's names.

    Raises:
        FileNotFoundError: A folder, a frame or a label is missing.
        ValueError: An argument is invalid, a name has no frame number, or a sequence is
            not one of CamVid's.
    """
    check_choice("parts", parts, ("official", "none"))
    if timestamp is not None and fps is not None:
        raise ValueError(
            f"fps={fps} is of CamVid's frame numbers, which timestamp={timestamp!r} "
            f"does not read: give the one or the other"
        )
    stamp = TimestampFormat("frame", stem=STEM, fps=30 if fps is None else fps)
    if timestamp is not None:
        stamp = timestamp_format(timestamp)
    read = _item_of if timestamp is None else partial(_named, src.resolve().name)
    expect_folders([src], LAYOUT)
    folders = {split: _folders(src, split) for split in SPLITS}
    for both in folders.values():
        expect_folders(both, LAYOUT)
    return [
        read(image, label, stamp, split if parts == "official" else "")
        for split, (images, labels) in folders.items()
        for image, label in pairs(images, labels, (".png", ".jpg"))
    ]


def _folders(src: Path, split: str) -> tuple[Path, Path]:
    if (src / "images").is_dir():
        return src / "images" / split, src / "labels" / split
    return src / split, src / f"{split}annot"


def _item_of(image: Path, label: Path, stamp: TimestampFormat, split: str) -> Item:
    timestamp, sequence = stamp.parse(image.stem, image)
    if sequence not in STARTS:
        raise ValueError(
            f"{image}: sequence {sequence!r} is not one of CamVid's, {sorted(STARTS)}"
        )
    start = STARTS[sequence]
    return Item(sequence, start + timestamp, image, LabelFile(label), split)


def _named(
    name: str, image: Path, label: Path, stamp: TimestampFormat, split: str
) -> Item:
    timestamp, recording = stamp.parse(image.stem, image)
    return Item(recording or name, timestamp, image, LabelFile(label), split)

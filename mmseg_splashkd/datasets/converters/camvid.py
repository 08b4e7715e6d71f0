"""CamVid in the 11 classes of SegNet's authors (Brostow et al., PRL 2009)."""

from pathlib import Path

from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import (
    LabelFile,
    expect_folders,
    nominal_starts,
    pairs,
)
from mmseg_splashkd.datasets.split_table import SPLITS
from mmseg_splashkd.datasets.timestamps import SECOND, TimestampFormat

LAYOUT = """Expected layout of SRC, either that of SegNet's tutorial:
  train/, val/, test/                 frames <sequence>_[f]<frame number>.png
  trainannot/, valannot/, testannot/  gray labels of the same names
or that of a compact copy:
  images/train/, images/val/, images/test/   frames, .png or .jpg
  labels/train/, labels/val/, labels/test/   gray labels .png of the same stems"""
STEM = r"(?P<recording>[^_]+)_f?(?P<stamp>[0-9]+)"
# When the sequences were recorded is not told; such starts keep them apart.
STARTS = nominal_starts(("0001TP", "0006R0", "0016E5", "Seq05VD"))
PARTS = ("official", "none")


def read_camvid(
    src: Path, parts: str = "official", fps: float | str = 30
) -> list[Item]:
    """List the frames of CamVid; a sequence is a recording.

    Args:
        src: The folder with either layout.
        parts: ``'official'``: frames keep the part of the benchmark, which does not
            part them in time; ``'none'``: they are left to be split.
        fps: Frames a second of the videos, whose frame numbers the names tell.

    Raises:
        FileNotFoundError: A folder, a frame or a label is missing.
        ValueError: An argument is unfit, a name tells no frame number, or a sequence is
            none of CamVid's.
    """
    if parts not in PARTS:
        raise ValueError(f"parts={parts!r} is none of {PARTS}")
    stamp = TimestampFormat("frame", stem=STEM, fps=fps)
    expect_folders([src], LAYOUT)
    folders = {split: _folders(src, split) for split in SPLITS}
    for both in folders.values():
        expect_folders(both, LAYOUT)
    return [
        _item_of(image, label, stamp, split if parts == "official" else "")
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
            f"{image}: sequence {sequence!r} is none of CamVid's, {sorted(STARTS)}"
        )
    timestamp += STARTS[sequence] * SECOND
    return Item(sequence, timestamp, image, LabelFile(label), split)

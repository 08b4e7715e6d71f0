"""Cityscapes, and data sets in its layout (Cordts et al., CVPR 2016)."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import (
    LabelFile,
    check_choice,
    expect_folders,
    files_in,
    nominal_starts,
)
from mmseg_splashkd.datasets.timestamps import (
    Stamp,
    TimestampFormat,
    timestamp_format,
)

LAYOUT = """Expected layout of SRC (folders and suffixes can be set):
  leftImg8bit/<split>/<city>/<city>_<sequence>_<frame>_leftImg8bit.png   frames
  gtFine/<split>/<city>/<city>_<sequence>_<frame>_gtFine_labelIds.png    gray labels
<split> is train, val, test or train_extra. Frames may lack a label."""
PARTS = {"train": "train", "val": "val", "test": "test", "train_extra": "train"}
DEFAULT_SPLITS = ("train", "val", "test")
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
    recording: str | None = None,
    fps: float | str | None = None,
    timestamp: str | Mapping[str, Any] | None = None,
) -> list[Item]:
    """List the frames of Cityscapes with its official split; labels are labelIds.

    Labels of the official test part exist, but contain only ignored values.

    Args:
        src: Folder that contains the folders of frames and labels.
        splits: Folders to read, of train, val, test and train_extra (read as train); by
            default those of train, val and test that exist.
        image_folder: Folder of frames in ``src``.
        label_folder: Folder of labels in ``src``.
        image_suffix: Part of a frame's name after ``<city>_<sequence>_<frame>``.
        label_suffix: Part of a label's name after ``<city>_<sequence>_<frame>``.
        recording: ``'sequence'`` (default): each sequence is a recording; ``'city'``:
            each city, for data sets whose frame numbers continue across sequences.
        fps: Frames per second of the videos, to convert frame numbers in file names
            into times; 17 by default.
        timestamp: Format of the time in the part of a frame's name before its suffix,
            or ``'none'``, for data sets that do not number frames; each city is then a
            recording. None (default) reads frame numbers, relative to each recording.

    Raises:
        FileNotFoundError: A folder is missing, or there are no frames or no labels.
        ValueError: An argument is invalid, or a name lacks city, sequence or frame.
    """
    for split in splits:
        check_choice("splits", split, PARTS)
    if timestamp is not None and (fps is not None or recording is not None):
        raise ValueError(
            f"recording={recording} and fps={fps} are of frame numbers, which "
            f"timestamp={timestamp!r} does not read: give the one or the other"
        )
    check_choice("recording", recording or "sequence", STEMS)
    images, labels = src / image_folder, src / label_folder
    expect_folders((src, images, labels), LAYOUT)
    splits = splits or [s for s in DEFAULT_SPLITS if (images / s).is_dir()]
    expect_folders((images / split for split in splits), LAYOUT)
    stem = STEMS[recording or "sequence"]
    stamp = TimestampFormat("frame", stem=stem, fps=17 if fps is None else fps)
    if timestamp is not None:
        stamp = timestamp_format(timestamp)
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
    return _stack(found) if timestamp is None else [_absolute(*row) for row in found]


def _absolute(stamp: Stamp, image: Path, label: Path | None, split: str) -> Item:
    return Item(
        recording=stamp.recording or image.parent.name,
        timestamp=stamp.timestamp,
        image=image,
        label=LabelFile(label) if label else None,
        split=split,
    )


def _list_split(
    images: Path, labels: Path, image_suffix: str, label_suffix: str
) -> Iterator[tuple[str, Path, Path | None]]:
    """Stem, frame, and label (None if missing) of each frame."""
    for city in sorted(path for path in images.iterdir() if path.is_dir()):
        for stem, image in files_in(city, image_suffix).items():
            label = labels / city.name / f"{stem}{label_suffix}"
            yield stem, image, label if label.is_file() else None


def _stack(found: list[tuple[Stamp, Path, Path | None, str]]) -> list[Item]:
    """Put recordings one after the other: times are relative to each recording."""
    starts = nominal_starts(str(stamp.recording) for stamp, *_ in found)
    return [
        Item(
            recording=str(stamp.recording),
            timestamp=starts[str(stamp.recording)] + stamp.timestamp,
            image=image,
            label=LabelFile(label) if label else None,
            split=split,
        )
        for stamp, image, label, split in found
    ]

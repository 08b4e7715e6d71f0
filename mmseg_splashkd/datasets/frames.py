"""Frames of recordings: their description, listing of folders, and order in time."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from mmseg_splashkd.datasets.timestamps import TimestampFormat

LAYOUT = """Expected layout of data_root:
  images/[<recording>/]<10-digit seconds>-<9-digit nanoseconds>.png   frames
  labels/[<recording>/]<the same name>.png                            gray labels
or a table (split_table) with the columns recording,timestamp,frame,label[,split].
`make demo` writes such a folder to data/demo; set data_root or SPLASHKD_DATA_ROOT."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: a row of a split table.

    Args:
        recording: Name of its recording (one video of one camera).
        timestamp: UNIX time in nanoseconds, at least 0.
        image: Path of the image file.
        label: Path of its gray-coded label; empty for an unlabelled frame.
        split: ``'train'``, ``'val'``, ``'test'``, ``'embargo'`` (in no part), or empty
            (not split).
        fold: Fold that validates on the frame, at least 0; None outside folds.
        embargo: Folds whose training part leaves the frame out, because it is within
            the embargo of their frames.
        splash_share: Share of its valid pixels that are splash, in [0, 1]; None if
            unknown.
    """

    recording: str
    timestamp: int
    image: str
    label: str = ""
    split: str = ""
    fold: int | None = None
    embargo: tuple[int, ...] = ()
    splash_share: float | None = None


def list_frames(
    images: str | Path,
    labels: str | Path,
    img_suffix: str = ".png",
    seg_map_suffix: str = ".png",
    timestamp: TimestampFormat | None = None,
) -> list[Frame]:
    """List the frames of a folder; each subfolder or link to one is a recording.

    Args:
        images: Folder of ``[<recording>/]<stem><img_suffix>``.
        labels: Folder of ``[<recording>/]<stem><seg_map_suffix>``.
        img_suffix: Suffix of image files; default ``'.png'``.
        seg_map_suffix: Suffix of label files; default ``'.png'``.
        timestamp: Time stamp format of the stems; default seconds and nanoseconds.

    Returns:
        Frames in no particular order; a frame without a label file is unlabelled.

    Raises:
        FileNotFoundError: A folder is missing.
        ValueError: A name has no time stamp, or a suffix differs in case only.
    """
    images, labels = Path(images), Path(labels)
    for folder in (images, labels):
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not a folder. {LAYOUT}")
    timestamp = timestamp or TimestampFormat()
    frames = []
    for image in _files(images, img_suffix):
        subfolder = image.relative_to(images).parent
        stem = image.name.removesuffix(img_suffix)
        stamp = timestamp.parse(stem, image)
        recording = "/".join(filter(None, (subfolder.as_posix(), stamp.recording)))
        if subfolder == Path() and stamp.recording:
            recording = stamp.recording
        label = labels / subfolder / f"{stem}{seg_map_suffix}"
        label = str(label) if label.is_file() else ""
        frames.append(Frame(recording, stamp.timestamp, str(image), label))
    return frames


def _files(folder: Path, suffix: str) -> Iterable[Path]:
    for parent, _, names in os.walk(folder, followlinks=True):
        for name in names:
            if name.endswith(suffix):
                yield Path(parent, name)
            elif name.lower().endswith(suffix.lower()):
                raise ValueError(
                    f"{Path(parent, name)} differs from img_suffix={suffix!r} in case "
                    f"only: rename it, or move it out of {folder}"
                )


def in_time_order(frames: Iterable[Frame]) -> list[Frame]:
    """Sort frames by time stamp, across recordings.

    Raises:
        ValueError: Two frames of one recording have the same time stamp.
    """
    ordered = sorted(frames, key=lambda frame: (frame.timestamp, frame.recording))
    for first, second in pairwise(ordered):
        if (first.timestamp, first.recording) == (second.timestamp, second.recording):
            raise ValueError(
                f"{first.image} and {second.image} have the same time stamp in "
                f"recording {first.recording!r}: one of them is misnamed or a duplicate"
            )
    return ordered


def missing_files(frames: Iterable[Frame]) -> list[str]:
    """Paths of images and labels that do not exist; lists each folder once.

    Args:
        frames: Frames with paths relative to the working directory or absolute.
    """
    listed: dict[str, set[str]] = {}
    missing = []
    for frame in frames:
        for path in filter(None, (frame.image, frame.label)):
            folder, name = os.path.split(path)
            if folder not in listed:
                listed[folder] = _names_in(folder)
            if name not in listed[folder]:
                missing.append(path)
    return missing


def _names_in(folder: str) -> set[str]:
    try:
        return {path.name for path in Path(folder).iterdir()}
    except OSError:
        return set()

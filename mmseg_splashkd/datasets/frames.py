"""Frames of recordings: their description, listing of folders, and order in time."""

import logging
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mmengine.logging import print_log

from mmseg_splashkd.datasets.timestamps import NO_TIME, TimestampFormat
from mmseg_splashkd.foreign.links import walk

LAYOUT = """Expected layout of data_root:
  images/[<recording>/]<10-digit seconds>-<9-digit nanoseconds>.png   frames
  labels/[<recording>/]<the same name>.png                            gray labels
or a table (split_table) with the columns recording,timestamp,frame,label[,split].
`make demo` writes such a folder to data/demo; set data_root or SPLASHKD_DATA_ROOT.
`tools/new_project.py` reads pictures and masks in any other folders."""
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: a row of a split table.

    Args:
        recording: Name of its recording (one video of one camera).
        timestamp: UNIX time in nanoseconds, at least 0; ``NO_TIME`` if it is unknown,
            as for photos.
        image: Path of the image file.
        label: Path of its gray-coded label; empty for an unlabelled frame.
        split: ``'train'``, ``'val'``, ``'test'``, ``'embargo'`` (in no part), or empty
            (not split).
        fold: Fold that validates on the frame, at least 0; None outside folds.
        embargo: Folds whose training part leaves the frame out, because it is within
            the embargo of their frames.
        splash_share: Share of its valid pixels that are splash, in [0, 1]; None if
            unknown.
        source: Path of the picture in the data set that it was converted from; empty if
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
    source: str = ""

    @property
    def has_time(self) -> bool:
        """Whether its time is known."""
        return self.timestamp != NO_TIME

    @property
    def stem(self) -> str:
        """Name of the image file without its folder and suffix."""
        return PurePosixPath(self.image).stem

    @property
    def key(self) -> tuple[str, int | str]:
        """Identity in a data set: recording and time, without time its stem."""
        return self.recording, self.timestamp if self.has_time else self.stem


def list_frames(
    images: str | Path,
    labels: str | Path | None,
    img_suffix: str = ".png",
    seg_map_suffix: str = ".png",
    timestamp: TimestampFormat | None = None,
) -> list[Frame]:
    """List the frames of a folder; each subfolder or link to one is a recording.

    Pictures with another suffix than ``img_suffix``, and hidden files such as ``._``
    of macOS, are left out with a warning that counts them.

    Args:
        images: Folder of ``[<recording>/]<stem><img_suffix>``.
        labels: Folder of ``[<recording>/]<stem><seg_map_suffix>``; None: no frame has
            a label.
        img_suffix: Suffix of image files; default ``'.png'``.
        seg_map_suffix: Suffix of label files; default ``'.png'``.
        timestamp: Time stamp format of the stems; default seconds and nanoseconds.

    Returns:
        At least one frame, in no particular order; a frame without a label file is
        unlabelled.

    Raises:
        FileNotFoundError: A folder is missing.
        ValueError: No file has the suffix, a name has no time stamp, or a suffix
            differs in case only.
    """
    images = Path(images)
    for folder in filter(None, (images, labels)):
        if not Path(folder).is_dir():
            raise FileNotFoundError(f"{folder} is not a folder. {LAYOUT}")
    timestamp = timestamp or TimestampFormat()
    passed_over: Counter[str] = Counter()
    frames = []
    for image in _files(images, img_suffix, passed_over):
        subfolder = image.relative_to(images).parent
        stem = image.name.removesuffix(img_suffix)
        stamp = timestamp.parse(stem, image)
        recording = "/".join(filter(None, (subfolder.as_posix(), stamp.recording)))
        if subfolder == Path() and stamp.recording:
            recording = stamp.recording
        label = labels and Path(labels, subfolder, f"{stem}{seg_map_suffix}")
        label = str(label) if label and label.is_file() else ""
        frames.append(Frame(recording, stamp.timestamp, str(image), label))
    counts = ", ".join(f"{n} {suffix}" for suffix, n in passed_over.most_common())
    if not frames:
        holds = f"it holds {counts}: set img_suffix" if counts else "it has no picture"
        raise ValueError(f"no file in {images} ends with {img_suffix!r}; {holds}")
    if counts:
        print_log(
            f"{images}: left out {counts}, because img_suffix={img_suffix!r}; a split "
            f"table may list pictures of any suffix (tools/new_project.py writes one)",
            logger="current",
            level=logging.WARNING,
        )
    return frames


def _files(folder: Path, suffix: str, passed_over: Counter[str]) -> Iterable[Path]:
    for parent, names in walk(folder):
        for name in names:
            own = Path(name).suffix.lower()
            if name.startswith("."):
                passed_over["hidden"] += own in PICTURES
            elif name.endswith(suffix):
                yield Path(parent, name)
            elif name.lower().endswith(suffix.lower()):
                raise ValueError(
                    f"{Path(parent, name)} differs from img_suffix={suffix!r} in case "
                    f"only: rename it, or move it out of {folder}"
                )
            elif own in PICTURES:
                passed_over[own] += 1
    passed_over += Counter()  # without zeros


def in_time_order(frames: Iterable[Frame]) -> list[Frame]:
    """Sort frames by time stamp, across recordings.

    Frames without time come first, by recording and natural order of the file name
    (``2.png`` before ``10.png``).

    Raises:
        ValueError: Two frames of one recording have the same time stamp or, without
            time, the same name.
    """
    ordered = sorted(frames, key=_order)
    firsts: dict[tuple, Frame] = {}
    for frame in ordered:
        if (first := firsts.get(frame.key)) is not None:
            what, remedy = "time stamp", "one of them is misnamed or a duplicate"
            if not frame.has_time:
                what, remedy = "name", "rename one, or put it into another recording"
            raise ValueError(
                f"{first.image} and {frame.image} have the same {what} in recording "
                f"{frame.recording!r}: {remedy}"
            )
        firsts[frame.key] = frame
    return ordered


def _order(frame: Frame) -> tuple:
    if frame.has_time:
        return frame.timestamp, frame.recording
    return frame.timestamp, frame.recording, *natural(frame.stem), frame.image


def natural(name: str) -> tuple[list[str | int], str]:
    """Sort key that orders numbers in names by value: ``2`` before ``10``."""
    parts = re.split(r"([0-9]+)", name)  # text and digits alternate, text first
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name


def require_time(frames: Iterable[Frame], what: str) -> None:
    """Refuse frames without time where a distance or an order in time is needed.

    Args:
        frames: Frames in any order.
        what: What needs the time, for the message, such as ``"strategy 'time'"``.

    Raises:
        ValueError: A frame has no time.
    """
    frames = list(frames)
    without = [frame for frame in frames if not frame.has_time]
    if without:
        raise ValueError(
            f"{what} needs the time of every frame, and {len(without)} of "
            f"{len(frames)} frames have none, the first is {without[0].image}: name "
            f"the format of the time stamps (timestamp), or split without time and "
            f"embargo (tools/split_dataset.py --strategy random, grouped or stratified)"
        )


def missing_files(frames: Iterable[Frame]) -> list[str]:
    """Paths of images and labels that are no files; lists each folder once.

    Folders, pipes and devices count as missing: reading these may never end.

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
        with os.scandir(folder or ".") as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except OSError:
        return set()

"""From time-stamped frames to train, val and test, in the order of time.

Neighbouring frames of a video are near-duplicates: a random split lets the test part be
seen in training. So frames are ordered by time and cut once.
"""

import csv
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

SPLITS = ("train", "val", "test")
RATIOS = (0.7, 0.2, 0.1)
COLUMNS = ("recording", "timestamp", "frame", "label")
STAMP = re.compile(r"([0-9]{10})-([0-9]{9})")
LAYOUT = """Expected layout of data_root:
  images/[<recording>/]<10-digit seconds>-<9-digit nanoseconds>.png   frames
  labels/[<recording>/]<the same name>.png                            gray labels
or a table (ann_file) with the columns recording,timestamp,frame,label[,split].
`make demo` draws such a folder into data/demo; set data_root or SPLASHKD_DATA_ROOT."""


@dataclass(frozen=True)
class Frame:
    """One labelled frame.

    Args:
        recording: The video it is from.
        timestamp: UNIX time in nanoseconds, exact.
        image: Path of the frame.
        label: Path of its gray-coded label.
    """

    recording: str
    timestamp: int
    image: Path
    label: Path


def parse_timestamp(stamp: str, source: object) -> int:
    """Nanoseconds of ``<10-digit seconds>-<9-digit nanoseconds>``.

    Args:
        stamp: The text.
        source: The file it is from, named in the error.

    Raises:
        ValueError: ``stamp`` has another form.
    """
    match = STAMP.fullmatch(stamp)
    if match is None:
        raise ValueError(
            f"{source}: {stamp!r} is no time stamp; expected <10-digit seconds>-"
            f"<9-digit nanoseconds>, such as 1714521600-000000000"
        )
    seconds, nanoseconds = match.groups()
    return int(seconds) * 10**9 + int(nanoseconds)


def list_frames(
    images: Path, labels: Path, img_suffix: str = ".png", seg_map_suffix: str = ".png"
) -> list[Frame]:
    """Frames of a folder; a subfolder, or a link to one, is a recording.

    Args:
        images: Folder of ``[<recording>/]<stamp><img_suffix>``.
        labels: Folder of ``[<recording>/]<stamp><seg_map_suffix>``.
        img_suffix: Suffix of frames.
        seg_map_suffix: Suffix of labels.

    Returns:
        Frames in no particular order; a label need not exist.

    Raises:
        FileNotFoundError: A folder is missing.
        ValueError: A name is no time stamp, or a suffix differs in case alone.
    """
    for folder in (images, labels):
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is no folder. {LAYOUT}")
    files = (
        Path(folder, name)
        for folder, _, names in os.walk(images, followlinks=True)
        for name in names
        if name.lower().endswith(img_suffix.lower())
    )
    frames = []
    for image in files:
        if not image.name.endswith(img_suffix):
            raise ValueError(
                f"{image} differs from img_suffix={img_suffix!r} in case alone: rename "
                f"it, or take it out of {images}"
            )
        place = image.relative_to(images).parent
        stem = image.name.removesuffix(img_suffix)
        label = labels / place / f"{stem}{seg_map_suffix}"
        timestamp = parse_timestamp(stem, image)
        frames.append(Frame(place.as_posix(), timestamp, image, label))
    return frames


def read_table(table: Path) -> tuple[list[Frame], list[str] | None]:
    """Read a CSV with a row a frame.

    Args:
        table: CSV with the columns recording, timestamp, frame, label and, optionally,
            split. Paths are relative to the table, with forward slashes.

    Returns:
        The frames, and the part of each where the table has a column ``split``.

    Raises:
        FileNotFoundError: There is no such table.
        ValueError: A column, all rows or a path is missing, or a time stamp or part is
            unreadable.
    """
    if not table.is_file():
        raise FileNotFoundError(f"split table {table} does not exist. {LAYOUT}")
    # Spreadsheets write a byte order mark first.
    with table.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, restval="")
        header, rows = list(reader.fieldnames or ()), list(reader)
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise ValueError(f"{table}: columns {missing} are missing, it has {header}")
    if not rows:
        raise ValueError(f"{table} has a header but no rows")
    frames = [_frame_of(row, table) for row in rows]
    if "split" not in header:
        return frames, None
    parts = [row["split"] for row in rows]
    unknown = sorted(set(parts) - set(SPLITS))
    if unknown:
        raise ValueError(f"{table}: split {unknown} is none of {SPLITS}")
    return frames, parts


def _frame_of(row: dict[str, str], table: Path) -> Frame:
    if not (row["frame"] and row["label"]):
        raise ValueError(f"{table}: row {row} names no frame or no label")
    image, label = table.parent / row["frame"], table.parent / row["label"]
    timestamp = parse_timestamp(row["timestamp"], f"{table}, {row['frame']}")
    return Frame(row["recording"], timestamp, image, label)


def in_time_order(frames: Iterable[Frame]) -> list[Frame]:
    """Sort frames by time over all recordings.

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


def split_by_time(
    frames: Iterable[Frame], ratios: Sequence[float] = RATIOS
) -> dict[str, list[Frame]]:
    """Cut frames into train, val and test, oldest first.

    Args:
        frames: In any order.
        ratios: Shares of train, val and test; they sum to 1.

    Returns:
        Part -> its frames in the order of time.

    Raises:
        ValueError: ``ratios`` are no three shares that sum to 1, or two frames of one
            recording have the same time stamp.
    """
    if (
        len(ratios) != len(SPLITS)
        or min(ratios) < 0
        or not math.isclose(sum(ratios), 1)
    ):
        raise ValueError(
            f"ratios must be three shares (train, val, test) that sum to 1, got "
            f"{tuple(ratios)} with sum {sum(ratios):g}"
        )
    ordered = in_time_order(frames)
    first = round(len(ordered) * ratios[0])
    second = round(len(ordered) * (ratios[0] + ratios[1]))
    cuts = (ordered[:first], ordered[first:second], ordered[second:])
    return dict(zip(SPLITS, cuts, strict=True))

"""WildScenes 2D: natural scenes over time (Vidanapathirana et al., IJRR 2025)."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import (
    LabelFile,
    describe_contents,
    expect_folders,
    pairs,
)
from mmseg_splashkd.datasets.timestamps import TimestampFormat, timestamp_format
from mmseg_splashkd.foreign import read_rows

LAYOUT = """Expected layout of SRC, the folder WildScenes2d of the data set:
  V-01/image/<10-digit seconds>-<9-digit nanoseconds>.png        frames
  V-01/indexLabel/<the same name>.png                            gray labels
  V-02/... and so on, one folder per recording"""


def read_wildscenes(
    src: Path,
    recordings: Sequence[str] = (),
    ids: Sequence[Path] = (),
    timestamp: str | Mapping[str, Any] | None = None,
) -> list[Item]:
    """List the frames of WildScenes 2D, unsplit.

    Args:
        src: Folder that contains one folder per recording.
        recordings: Folders to read; by default all ``V-*``.
        ids: CSV files whose column ``id`` holds stems of frames, such as the split
            files of the benchmark: only these frames are read; by default all.
        timestamp: Format of the time in the stems, or ``'none'``, for other data in
            this layout; by default ``'seconds-nanoseconds'``.

    Raises:
        FileNotFoundError: A folder, a frame, a label or a CSV file is missing.
        ValueError: A name is not a time stamp, a CSV file has no column ``id``, or no
            frame is in one of them.
    """
    expect_folders([src], LAYOUT)
    recordings = recordings or sorted(f.name for f in src.glob("V-*") if f.is_dir())
    if not recordings:
        raise FileNotFoundError(f"no folder V-*; {describe_contents(src)}. {LAYOUT}")
    ids_to_read = _read_ids(ids) if ids else None
    stamp = timestamp_format(timestamp or "seconds-nanoseconds")
    items = [
        item for name in recordings for item in _read(src / name, ids_to_read, stamp)
    ]
    if ids_to_read is not None:
        _check_found(len(items), len(ids_to_read), ", ".join(recordings))
    return items


def _read_ids(tables: Iterable[Path]) -> set[str]:
    ids: set[str] = set()
    for table in tables:
        header, rows = read_rows(table, "list of frames")
        if "id" not in header:
            raise ValueError(f"{table} has no column 'id': {header}")
        ids |= {row["id"] for row in rows}
    return ids


def _read(
    folder: Path, ids_to_read: set[str] | None, stamp: TimestampFormat
) -> list[Item]:
    images, labels = folder / "image", folder / "indexLabel"
    expect_folders((folder, images, labels), LAYOUT)
    return [
        Item(
            recording=folder.name,
            timestamp=stamp.parse(image.stem, image).timestamp,
            image=image,
            label=LabelFile(label),
        )
        for image, label in pairs(images, labels)
        if ids_to_read is None or image.stem in ids_to_read
    ]


def _check_found(found: int, listed: int, places: str) -> None:
    if not found:
        raise ValueError(f"none of the {listed} ids is a frame of {places}")
    if found < listed:  # expected: the lists of the benchmark cover all recordings
        print_log(f"{listed - found} of {listed} ids are not frames of {places}")

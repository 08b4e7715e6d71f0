"""The split table: a CSV with a row a frame, the one place that says what is where."""

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mmseg_splashkd.datasets.frames import LAYOUT, Frame, in_time_order
from mmseg_splashkd.datasets.timestamps import format_timestamp, parse_timestamp
from mmseg_splashkd.files import write_whole

NEEDED = ("recording", "timestamp", "frame", "label")
COLUMNS = (*NEEDED, "split", "fold", "embargo", "splash_share")
SPLITS = ("train", "val", "test")
EMBARGO = "embargo"


def read_table(table: str | Path) -> list[Frame]:
    """Read a split table.

    Args:
        table: CSV with the columns recording, timestamp, frame, label and, optionally,
            split, fold, embargo (folds, with spaces between) and splash_share. Others
            are left alone. Paths are relative to the table or absolute, with slashes
            either way.

    Returns:
        The frames in the table's order, with paths as seen from here.

    Raises:
        FileNotFoundError: There is no such table.
        ValueError: A column, all rows or a path is missing, a frame stands twice, or a
            cell is unreadable.
    """
    table = Path(table)
    if not table.is_file():
        raise FileNotFoundError(f"split table {table} does not exist. {LAYOUT}")
    # Spreadsheets write a byte order mark first.
    with table.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, restval="", restkey="surplus")
        try:
            rows = list(reader)
        except UnicodeDecodeError as error:
            raise ValueError(f"{table} is not UTF-8: save it so ({error})") from error
        header = list(reader.fieldnames or ())
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise ValueError(f"{table}: columns {missing} are missing, it has {header}")
    if not rows:
        raise ValueError(f"{table} has a header but no rows")
    folder = table.parent.as_posix()
    frames = [
        _frame_of(row, f"{table}, line {line}", folder)
        for line, row in enumerate(rows, 2)
    ]
    _check_unique(frames, table)
    return frames


def write_table(table: str | Path, frames: Iterable[Frame]) -> Path:
    """Write a split table, whole or not at all.

    The same frames give the same bytes, in whatever order they come.

    Args:
        table: CSV to write; its folder is made.
        frames: With paths as seen from here; those in the table's folder, or near it,
            are written relative to it.

    Raises:
        ValueError: Two frames of one recording have the same time stamp.
    """
    table = Path(table)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    root = str(table.parent.absolute())
    writer.writerows(_row_of(frame, root) for frame in in_time_order(frames))
    return write_whole(table, text.getvalue())


def _frame_of(row: dict[str, str], source: str, folder: str) -> Frame:
    if "surplus" in row:
        raise ValueError(f"{source} has more cells than the header: {row['surplus']}")
    if not row["frame"]:
        raise ValueError(f"{source} names no frame")
    split = row.get("split", "")
    if split and split not in (*SPLITS, EMBARGO):
        raise ValueError(
            f"{source}: split {split!r} is none of {(*SPLITS, EMBARGO)}, nor empty"
        )
    try:
        return Frame(
            recording=row["recording"],
            timestamp=parse_timestamp(row["timestamp"], f"{source}, {row['frame']}"),
            image=_path(row["frame"], folder),
            label=row["label"] and _path(row["label"], folder),
            split=split,
            fold=_fold(row["fold"]) if row.get("fold") else None,
            embargo=tuple(map(_fold, row.get("embargo", "").split())),
            splash_share=_share(row.get("splash_share", "")),
        )
    except ValueError as error:
        where = "" if source in str(error) else f"{source}, {row['frame']}: "
        raise ValueError(f"{where}{error}") from error


def _fold(cell: str) -> int:
    if (fold := int(cell)) < 0:
        raise ValueError(f"fold {fold} is below 0")
    return fold


def _share(cell: str) -> float | None:
    share = float(cell) if cell else None
    if share is not None and not 0 <= share <= 1:
        raise ValueError(f"splash_share {cell} is no share in [0, 1]")
    return share


def _path(cell: str, folder: str) -> str:
    path = cell.replace("\\", "/")
    absolute = path.startswith("/") or path[1:2] == ":"  # a drive of Windows
    return path if folder == "." or absolute else f"{folder}/{path}"


def _row_of(frame: Frame, root: str) -> tuple[str, ...]:
    share = "" if frame.splash_share is None else f"{frame.splash_share:.9f}"
    return (
        frame.recording,
        format_timestamp(frame.timestamp),
        _cell(frame.image, root),
        frame.label and _cell(frame.label, root),
        frame.split,
        "" if frame.fold is None else str(frame.fold),
        " ".join(map(str, frame.embargo)),
        share,
    )


def _cell(path: str, root: str) -> str:
    """Write a path relative to the table, which a whole folder can be moved with."""
    return Path(os.path.relpath(path, root)).as_posix()


def _check_unique(frames: list[Frame], table: Path) -> None:
    seen: dict[str, int] = {}
    for line, frame in enumerate(frames, 2):
        if (first := seen.setdefault(frame.image, line)) != line:
            raise ValueError(
                f"{table}: {frame.image} stands twice, in lines {first} and {line}"
            )


def select(frames: Iterable[Frame], split: str, fold: int | None) -> list[Frame]:
    """Frames of one part of a split table.

    Args:
        frames: All rows.
        split: ``'train'``, ``'val'`` or ``'test'``.
        fold: The fold to validate on: its frames are ``'val'``, those of the others,
            without the embargo around it, ``'train'``. None: the column split alone.

    Raises:
        ValueError: There is no such fold.
    """
    if fold is None:
        return [frame for frame in frames if frame.split == split]
    frames = list(frames)
    folds = sorted({frame.fold for frame in frames if frame.fold is not None})
    if fold not in folds:
        raise ValueError(
            f"fold={fold} is none of the table's folds {folds}; "
            f"tools/split_dataset.py makes them"
        )
    if split == "test":
        return [frame for frame in frames if frame.split == "test"]
    inside = [frame for frame in frames if frame.fold is not None]
    if split == "val":
        return [frame for frame in inside if frame.fold == fold]
    return [f for f in inside if f.fold != fold and fold not in f.embargo]


def clear(frame: Frame) -> Frame:
    """Forget what an earlier split said of a frame."""
    return replace(frame, split="", fold=None, embargo=())

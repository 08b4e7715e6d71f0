"""Split table: a CSV with one row per frame that assigns frames to parts and folds."""

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mmseg_splashkd.datasets.frames import (
    LAYOUT,
    Frame,
    in_time_order,
    missing_files,
)
from mmseg_splashkd.datasets.table_seal import check_seal, seal_of, write_seal
from mmseg_splashkd.datasets.timestamps import format_timestamp, parse_timestamp
from mmseg_splashkd.files import why_no_file, write_whole
from mmseg_splashkd.foreign import read_rows, reading
from mmseg_splashkd.foreign.csv_file import SURPLUS

REQUIRED = ("recording", "timestamp", "frame", "label")
SHARE, FORMER_SHARE = "focus_share", "splash_share"
COLUMNS = (*REQUIRED, "split", "fold", "embargo", SHARE)
SOURCE = "source"  # a further column, if a frame has it
SPLITS = ("train", "val", "test")
EMBARGO = "embargo"


def read_table(table: str | Path) -> list[Frame]:
    """Read a split table.

    Args:
        table: CSV with the columns recording, timestamp, frame, label and, optionally,
            split, fold, embargo (folds separated by spaces), focus_share (of the focus
            class; formerly splash_share) and source. Other columns are ignored. An
            empty timestamp is a frame without time. Paths are relative to the table
            or absolute, with slashes or backslashes.

    Returns:
        The frames in the order of the rows, with paths relative to the working
        directory.

    Raises:
        FileNotFoundError: The table does not exist.
        ValueError: A column, all rows or a path is missing, a frame is listed twice, a
            cell is invalid, or the table was cut off since it was written (see
            ``table_seal``).
    """
    table = Path(table)
    if not table.is_file():
        raise FileNotFoundError(f"split table {table} does not exist. {LAYOUT}")
    with reading(table, "split table"):
        return _frames_of(table, *read_rows(table))


def _frames_of(
    table: Path, header: list[str], rows: list[dict[str, str]]
) -> list[Frame]:
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise ValueError(f"{table}: columns {missing} are missing, it has {header}")
    if not rows:
        raise ValueError(f"{table} has a header but no rows")
    check_seal(table, len(rows))
    folder = table.parent.as_posix()
    frames = [
        _frame_of(row, f"{table}, line {line}", folder)
        for line, row in enumerate(rows, 2)
    ]
    _check_unique(frames, table)
    return frames


def write_table(
    table: str | Path, frames: Iterable[Frame], sealed: bool = False
) -> Path:
    """Write a split table atomically.

    Args:
        table: CSV file to write; its folder is created.
        frames: Rows of the table, in any order; see ``table_text``.
        sealed: Also write its row count and digest beside it (see ``table_seal``).
            A table that had them keeps them.

    Raises:
        ValueError: Two frames of one recording have the same time stamp or, without
            time, the same name.
    """
    frames = list(frames)
    text = table_text(table, frames)
    written = write_whole(table, text)
    if sealed or seal_of(table).is_file():
        write_seal(Path(table), text, len(frames))
    return written


def check_present(frames: Iterable[Frame], source: str, table: str | Path = "") -> None:
    """Check that images and labels are files.

    Args:
        frames: The frames.
        source: Where they are listed, for the message.
        table: Their split table, whose cell the message names; empty without one.

    Raises:
        FileNotFoundError: Some are missing, or are folders, pipes or devices.
    """
    if missing := missing_files(frames):
        first, cell = missing[0], _cell_of(table, missing[0]) if table else ""
        state = "do not exist, the first is"
        if Path(first).exists():
            state = f"are no files: the first {why_no_file(first)},"
        raise FileNotFoundError(
            f"{len(missing)} files of {source} {state} {first}{cell}"
        )


def _cell_of(table: str | Path, path: str) -> str:
    """Line and column of a path in a table that was read before."""
    folder = Path(table).parent.as_posix()
    for line, row in enumerate(read_rows(Path(table))[1], 2):
        for column in ("frame", "label"):
            if row[column] and _path(row[column], folder) == path:
                return f" (line {line}, column {column})"
    return ""


def table_text(table: str | Path, frames: Iterable[Frame]) -> str:
    """Content of a split table; the same for the same frames in any order.

    Args:
        table: Path of the table; frames and labels are written relative to its folder.
        frames: Rows of the table, with paths relative to the working directory or
            absolute.

    Raises:
        ValueError: Two frames of one recording have the same time stamp or, without
            time, the same name.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    frames = in_time_order(frames)
    columns = (*COLUMNS, SOURCE) if any(frame.source for frame in frames) else COLUMNS
    writer.writerow(columns)
    root = str(Path(table).parent.absolute())
    writer.writerows(_row_of(frame, root)[: len(columns)] for frame in frames)
    return text.getvalue()


def _frame_of(row: dict[str, str], source: str, folder: str) -> Frame:
    if SURPLUS in row:
        raise ValueError(f"{source} has more cells than the header: {row[SURPLUS]}")
    if not row["frame"]:
        raise ValueError(f"{source}: the column frame is empty")
    split = row.get("split", "")
    if split and split not in (*SPLITS, EMBARGO):
        raise ValueError(
            f"{source}: split {split!r} is not empty and not one of "
            f"{(*SPLITS, EMBARGO)}"
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
            splash_share=_share(row.get(SHARE, row.get(FORMER_SHARE, ""))),
            source=row.get(SOURCE, ""),
        )
    except ValueError as error:
        where = "" if source in str(error) else f"{source}, {row['frame']}: "
        raise ValueError(f"{where}{error}") from error


def _fold(cell: str) -> int:
    # pandas writes 0.0 where other rows have no fold.
    whole = cell.removesuffix(".0")
    if not whole.isdecimal():
        raise ValueError(f"fold {cell!r} is not a whole number from 0")
    return int(whole)


def _share(cell: str) -> float | None:
    share = float(cell) if cell else None
    if share is not None and not 0 <= share <= 1:
        raise ValueError(f"{SHARE} {cell} must lie in [0, 1]")
    return share


def _path(cell: str, folder: str) -> str:
    path = cell.replace("\\", "/")
    absolute = path.startswith("/") or path[1:2] == ":"  # a Windows drive
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
        frame.source,
    )


def _cell(path: str, root: str) -> str:
    """Path relative to the table, so that the folder can be moved as a whole."""
    return Path(os.path.relpath(path, root)).as_posix()


def _check_unique(frames: list[Frame], table: Path) -> None:
    lines: dict[str, int] = {}
    for line, frame in enumerate(frames, 2):
        if (first := lines.setdefault(frame.image, line)) != line:
            raise ValueError(
                f"{table}: {frame.image} is listed twice, in lines {first} and {line}"
            )


def select_frames(frames: Iterable[Frame], split: str, fold: int | None) -> list[Frame]:
    """Frames of one part of a split table.

    Args:
        frames: All rows of the table.
        split: ``'train'``, ``'val'`` or ``'test'``.
        fold: Fold to validate on: its frames are ``'val'``, those of the other folds
            without its embargo are ``'train'``. None uses the column split only.

    Raises:
        ValueError: The table has no such fold.
    """
    if fold is None:
        return [frame for frame in frames if frame.split == split]
    frames = list(frames)
    folds = sorted({frame.fold for frame in frames if frame.fold is not None})
    if fold not in folds:
        raise ValueError(
            f"fold={fold} is not one of the table's folds {folds}; "
            f"tools/split_dataset.py writes a table with folds"
        )
    if split == "test":
        return [frame for frame in frames if frame.split == "test"]
    inside = [frame for frame in frames if frame.fold is not None]
    if split == "val":
        return [frame for frame in inside if frame.fold == fold]
    return [f for f in inside if f.fold != fold and fold not in f.embargo]


def without_split(frame: Frame) -> Frame:
    """The frame without its part, fold and embargo of an earlier split."""
    return replace(frame, split="", fold=None, embargo=())

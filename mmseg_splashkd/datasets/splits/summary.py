"""Summary of a split for the terminal, with warnings, and writing of its table."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.split_table import (
    EMBARGO,
    SPLITS,
    select_frames,
    table_text,
)
from mmseg_splashkd.datasets.timestamps import SECOND, to_utc
from mmseg_splashkd.files import write_whole

HEADINGS = (
    "frames",
    "record-\nings",
    "first and last\n(UTC)",
    "mean\nsplash",
    "with\nsplash",
    "left\nout",
    "nearest\n(s)",
)


def folds_of(frames: Iterable[Frame]) -> list[int]:
    """Sorted folds of a split; empty if it has parts only."""
    return sorted({frame.fold for frame in frames if frame.fold is not None})


def parts_of(frames: Sequence[Frame]) -> dict[str, list[Frame]]:
    """Name of each part or fold -> its frames, in display order."""
    parts = {
        f"fold {fold}": [frame for frame in frames if frame.fold == fold]
        for fold in folds_of(frames)
    }
    for name in (*SPLITS, EMBARGO):
        own = [frame for frame in frames if frame.split == name and frame.fold is None]
        parts |= {name: own} if own else {}
    return parts


def print_split(frames: Sequence[Frame], console: Console | None = None) -> None:
    """Print one row per part or fold, then warnings about the split.

    Args:
        frames: Frames as a split strategy returns them.
        console: Console to print to; default the terminal.
    """
    console = console or Console()
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("Part")
    for heading in HEADINGS:
        table.add_column(Text(heading), justify="right")
    for name, own in parts_of(frames).items():
        table.add_row(Text(name), *_cells(name, own, frames))
    console.print(table)
    for note in split_notes(frames):
        console.print(Text(note))


def _cells(name: str, own: Sequence[Frame], frames: Sequence[Frame]) -> list[str]:
    shares = [f.splash_share for f in own if f.splash_share is not None]
    times = [f"{to_utc(frame.timestamp):%Y-%m-%d %H:%M:%S}" for frame in own]
    fold = own[0].fold
    near = sum(fold in frame.embargo for frame in frames)
    return [
        str(len(own)),
        str(len({frame.recording for frame in own})),
        f"{min(times)}\n{max(times)}",
        f"{sum(shares) / len(shares):.3%}" if shares else "-",
        str(sum(share > 0 for share in shares)) if shares else "-",
        "" if fold is None else str(near),
        ""
        if name == EMBARGO
        else _seconds(smallest_gap(own, _other_parts(own, frames))),
    ]


def _other_parts(own: Sequence[Frame], frames: Sequence[Frame]) -> list[Frame]:
    """Frames of other parts; for a fold, its training frames and the test part."""
    fold = own[0].fold
    if fold is not None:
        return select_frames(frames, "train", fold) + select_frames(
            frames, "test", fold
        )
    return [f for f in frames if f.split not in (own[0].split, EMBARGO, "")]


def smallest_gap(first: Iterable[Frame], second: Iterable[Frame]) -> int | None:
    """Smallest time difference between frames of two parts, across recordings.

    Returns:
        Nanoseconds; None if a part is empty.
    """
    marked = [(frame.timestamp, 0) for frame in first]
    marked += [(frame.timestamp, 1) for frame in second]
    gaps = [b - a for (a, x), (b, y) in pairwise(sorted(marked)) if x != y]
    return min(gaps, default=None)


def _seconds(gap: int | None) -> str:
    return "-" if gap is None else f"{gap / SECOND:.3g}"


def split_notes(frames: Sequence[Frame]) -> list[str]:
    """Warnings and notes about a split that limit the meaning of its scores."""
    notes = [
        f"Warning: no frame of {name} has splash: its Dice of splash is undefined or 0."
        for name, own in parts_of(frames).items()
        if name != EMBARGO and _without_splash(own)
    ]
    if unlabelled := sum(not frame.label for frame in frames):
        notes.append(f"{unlabelled} of {len(frames)} frames have no label.")
    if (folds := folds_of(frames)) and _interleaved(frames, folds):
        notes.append(
            "Neighbouring frames, which are near-duplicates, lie in different folds, "
            "as always with stratified folds: validation scores are optimistic. The "
            "test part or blocked folds measure performance on unseen video."
        )
    return notes


def _without_splash(own: Sequence[Frame]) -> bool:
    shares = [f.splash_share for f in own if f.splash_share is not None]
    return bool(shares) and not any(shares)


def _interleaved(frames: Sequence[Frame], folds: Sequence[int]) -> bool:
    """Whether folds alternate more often along recordings than contiguous folds do."""
    last: dict[str, int] = {}
    changes = 0
    for frame in in_time_order(f for f in frames if f.fold is not None):
        fold = frame.fold if frame.fold is not None else 0
        changes += last.get(frame.recording, fold) != fold
        last[frame.recording] = fold
    return changes > len(last) * (len(folds) - 1)


def save_split(table: str | Path, frames: Iterable[Frame], force: bool = False) -> str:
    """Write a split table, but do not overwrite a different one.

    Args:
        table: CSV file to write.
        frames: Rows of the table.
        force: Overwrite a table with other content; default False.

    Returns:
        ``'written'``, ``'unchanged'`` or ``'replaced'``.

    Raises:
        FileExistsError: The file exists with other content and ``force`` is not set;
            it is left as it is.
    """
    table = Path(table)
    text = table_text(table, frames)
    if not table.exists():
        write_whole(table, text)
        return "written"
    if table.is_file() and table.read_bytes() == text.encode():
        return "unchanged"
    if not force:
        raise FileExistsError(
            f"{table} exists with other content: write elsewhere, or give --force"
        )
    write_whole(table, text)
    return "replaced"

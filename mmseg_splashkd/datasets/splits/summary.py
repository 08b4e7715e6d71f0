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
    write_table,
)
from mmseg_splashkd.datasets.timestamps import SECOND, to_utc

SPAN, LEFT_OUT, NEAREST = "first and last\n(UTC)", "left\nout", "nearest\n(s)"
OF_TIME = (SPAN, LEFT_OUT, NEAREST)
OPTION = "--strategy"  # of tools/split_dataset.py


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


def print_split(
    frames: Sequence[Frame],
    console: Console | None = None,
    class_name: str = "splash",
    option: str = OPTION,
) -> None:
    """Print one row per part or fold, then warnings about the split.

    Times and distances are left out if no frame has a time.

    Args:
        frames: Frames as a split strategy returns them.
        console: Console to print to; default the terminal.
        class_name: Class whose share the frames hold; default ``'splash'``.
        option: Option that names the strategy, for advice.
    """
    console = console or Console()
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("Part")
    timed = any(frame.has_time for frame in frames)
    rows = {
        name: _cells(name, own, frames, class_name)
        for name, own in parts_of(frames).items()
    }
    shown = [h for h in next(iter(rows.values()), {}) if timed or h not in OF_TIME]
    for heading in shown:
        table.add_column(Text(heading), justify="right")
    for name, cells in rows.items():
        table.add_row(Text(name), *(cells[heading] for heading in shown))
    console.print(table)
    for note in split_notes(frames, class_name, option):
        console.print(Text(note))


def _cells(
    name: str, own: Sequence[Frame], frames: Sequence[Frame], class_name: str
) -> dict[str, str]:
    """Heading -> cell of one part."""
    shares = [f.splash_share for f in own if f.splash_share is not None]
    times = [f"{to_utc(f.timestamp):%Y-%m-%d %H:%M:%S}" for f in own if f.has_time]
    fold = own[0].fold
    near = sum(fold in frame.embargo for frame in frames)
    gap = smallest_gap(own, _other_parts(own, frames))
    return {
        "frames": str(len(own)),
        "record-\nings": str(len({frame.recording for frame in own})),
        SPAN: f"{min(times)}\n{max(times)}" if times else "no time",
        f"mean\n{class_name}": f"{sum(shares) / len(shares):.3%}" if shares else "-",
        f"with\n{class_name}": str(sum(s > 0 for s in shares)) if shares else "-",
        LEFT_OUT: "" if fold is None else str(near),
        NEAREST: "" if name == EMBARGO else _seconds(gap),
    }


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
        Nanoseconds; None if a part is empty or has no time.
    """
    marked = [(frame.timestamp, 0) for frame in first if frame.has_time]
    marked += [(frame.timestamp, 1) for frame in second if frame.has_time]
    gaps = [b - a for (a, x), (b, y) in pairwise(sorted(marked)) if x != y]
    return min(gaps, default=None)


def _seconds(gap: int | None) -> str:
    return "-" if gap is None else f"{gap / SECOND:.3g}"


def split_notes(
    frames: Sequence[Frame], class_name: str = "splash", option: str = OPTION
) -> list[str]:
    """Warnings and notes about a split that limit the meaning of its scores."""
    notes = [
        f"Warning: no frame of {name} has {class_name}: its Dice of {class_name} is "
        f"undefined or 0."
        for name, own in parts_of(frames).items()
        if name != EMBARGO and _without_splash(own)
    ]
    notes += [
        f"Warning: no training frame of fold {fold} has {class_name}: training "
        f"on it is refused. Split into other folds, such as by --strategy stratified."
        for fold in folds_of(frames)
        if _without_splash(select_frames(frames, "train", fold))
    ]
    if unlabelled := sum(not frame.label for frame in frames):
        notes.append(f"{unlabelled} of {len(frames)} frames have no label.")
    folds = folds_of(frames)
    if folds and _interleaved(frames, len(folds) - 1):
        notes.append(
            "Neighbouring frames, which are near-duplicates, lie in different folds, "
            "as always with stratified folds: validation scores are optimistic. The "
            "test part or blocked folds measure performance on unseen video."
        )
    elif not folds and _interleaved(frames, 2 * len(SPLITS)):
        notes.append(
            "Warning: neighbouring frames, which are near-duplicates, lie in different "
            "parts: test scores are optimistic. Split video along time "
            f"({option} time)."
        )
    if frames and not any(frame.has_time for frame in frames):
        notes.append(
            "The frames have no time, so blocks in time and an embargo do not apply. "
            f"Pictures of one scene belong in one part: {option} grouped keeps "
            "recordings, or groups by name (--group), whole."
        )
    return notes


def _without_splash(own: Sequence[Frame]) -> bool:
    shares = [f.splash_share for f in own if f.splash_share is not None]
    return bool(shares) and not any(shares)


def _interleaved(frames: Sequence[Frame], contiguous: int) -> bool:
    """Whether parts or folds alternate more often per recording than contiguous ones.

    Args:
        frames: Frames with parts or folds; those without time are skipped.
        contiguous: Number of changes in a recording that contiguous ones may have.
    """
    folds = bool(folds_of(frames))
    timed = [f for f in frames if f.has_time and (f.fold is not None or not folds)]
    last: dict[str, str | int] = {}
    changes = 0
    for frame in in_time_order(timed):
        part = frame.split if frame.fold is None else frame.fold
        before = last.get(frame.recording, part)
        changes += before != part and EMBARGO not in (before, part)
        last[frame.recording] = part
    return changes > len(last) * contiguous


def save_split(table: str | Path, frames: Iterable[Frame], force: bool = False) -> str:
    """Write a sealed split table, but do not overwrite a different one.

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
    table, frames = Path(table), list(frames)
    text = table_text(table, frames)
    if not table.exists():
        write_table(table, frames, sealed=True)
        return "written"
    if table.is_file() and table.read_bytes() == text.encode():
        return "unchanged"
    if not force:
        raise FileExistsError(
            f"{table} exists with other content: write elsewhere, or give --force"
        )
    write_table(table, frames, sealed=True)
    return "replaced"

"""A split as a table for the terminal, with what is wrong with it, and on disk."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.split_table import EMBARGO, SPLITS, select, write_table
from mmseg_splashkd.datasets.timestamps import SECOND, utc

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
    """The folds of a split, in order; none where it has parts alone."""
    return sorted({frame.fold for frame in frames if frame.fold is not None})


def parts_of(frames: Sequence[Frame]) -> dict[str, list[Frame]]:
    """Name of each part or fold -> its frames, in the order they are shown."""
    parts = {
        f"fold {fold}": [frame for frame in frames if frame.fold == fold]
        for fold in folds_of(frames)
    }
    for name in (*SPLITS, EMBARGO):
        own = [frame for frame in frames if frame.split == name and frame.fold is None]
        parts |= {name: own} if own else {}
    return parts


def print_split(frames: Sequence[Frame], console: Console | None = None) -> None:
    """Print a line a part or fold, then what a user must know of the split.

    Args:
        frames: As a strategy returned them.
        console: Where to print, by default the terminal.
    """
    console = console or Console()
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("Part")
    for heading in HEADINGS:
        table.add_column(Text(heading), justify="right")
    for name, own in parts_of(frames).items():
        table.add_row(Text(name), *_cells(name, own, frames))
    console.print(table)
    for note in notes(frames):
        console.print(Text(note))


def _cells(name: str, own: Sequence[Frame], frames: Sequence[Frame]) -> list[str]:
    shares = [f.splash_share for f in own if f.splash_share is not None]
    times = [f"{utc(frame.timestamp):%Y-%m-%d %H:%M:%S}" for frame in own]
    fold = own[0].fold
    near = sum(fold in frame.embargo for frame in frames)
    return [
        str(len(own)),
        str(len({frame.recording for frame in own})),
        f"{min(times)}\n{max(times)}",
        f"{sum(shares) / len(shares):.3%}" if shares else "-",
        str(sum(share > 0 for share in shares)) if shares else "-",
        "" if fold is None else str(near),
        "" if name == EMBARGO else _seconds(nearest(own, _seen_beside(own, frames))),
    ]


def _seen_beside(own: Sequence[Frame], frames: Sequence[Frame]) -> list[Frame]:
    """Frames of other parts; for a fold, those trained on beside it and the test."""
    fold = own[0].fold
    if fold is not None:
        return select(frames, "train", fold) + select(frames, "test", fold)
    return [f for f in frames if f.split not in (own[0].split, EMBARGO, "")]


def nearest(first: Iterable[Frame], second: Iterable[Frame]) -> int | None:
    """Shortest time between two parts, over all recordings.

    Returns:
        Nanoseconds; None if a part is empty.
    """
    marked = [(frame.timestamp, 0) for frame in first]
    marked += [(frame.timestamp, 1) for frame in second]
    gaps = [b - a for (a, x), (b, y) in pairwise(sorted(marked)) if x != y]
    return min(gaps, default=None)


def _seconds(gap: int | None) -> str:
    return "-" if gap is None else f"{gap / SECOND:.3g}"


def notes(frames: Sequence[Frame]) -> list[str]:
    """Say what a user must know of a split before believing its figures."""
    found = [
        f"Warning: no frame of {name} has splash: its Dice of splash is undefined or 0."
        for name, own in parts_of(frames).items()
        if name != EMBARGO and _without_splash(own)
    ]
    if unlabelled := sum(not frame.label for frame in frames):
        found.append(f"{unlabelled} of {len(frames)} frames have no label.")
    if (folds := folds_of(frames)) and _interleaved(frames, folds):
        found.append(
            "Neighbouring frames, which are near-duplicates, lie in different folds, "
            "as stratified folds have it: their scores are optimistic. The test part, "
            "or blocked folds, tell how a model does on water it has not seen."
        )
    return found


def _without_splash(own: Sequence[Frame]) -> bool:
    shares = [f.splash_share for f in own if f.splash_share is not None]
    return bool(shares) and not any(shares)


def _interleaved(frames: Sequence[Frame], folds: Sequence[int]) -> bool:
    """Whether frames of one recording change their fold more often than blocks do."""
    last: dict[str, int] = {}
    changes = 0
    for frame in in_time_order(f for f in frames if f.fold is not None):
        fold = frame.fold if frame.fold is not None else 0
        changes += last.get(frame.recording, fold) != fold
        last[frame.recording] = fold
    return changes > len(last) * (len(folds) - 1)


def save_split(table: str | Path, frames: Iterable[Frame], force: bool = False) -> str:
    """Write a split table, but no other over it.

    Args:
        table: CSV to write.
        frames: Its rows.
        force: Replace a table that says something else.

    Returns:
        ``'written'``, ``'unchanged'`` or ``'replaced'``.

    Raises:
        FileExistsError: There is another such file, and no ``force``; it is untouched.
    """
    table = Path(table)
    if not table.exists():
        write_table(table, frames)
        return "written"
    # In the same folder, which paths are relative to.
    new = write_table(table.with_name(f".{table.name}.new"), frames)
    if table.is_file() and new.read_bytes() == table.read_bytes():
        new.unlink()
        return "unchanged"
    if not force:
        new.unlink()
        raise FileExistsError(
            f"{table} exists and says something else: write elsewhere, or give --force"
        )
    new.replace(table)
    return "replaced"

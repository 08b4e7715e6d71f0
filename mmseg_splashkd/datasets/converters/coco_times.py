"""Times of COCO's images: from names, ``date_captured`` or ids, and their conflicts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

from mmengine.logging import print_log

from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.name_times import (
    first_with_time,
    format_of_names,
)
from mmseg_splashkd.datasets.converters.pictures import check_times
from mmseg_splashkd.datasets.frames import natural
from mmseg_splashkd.datasets.timestamps import (
    SECOND,
    TimestampFormat,
    timestamp_format,
)

BY_ID, BY_DATE = "id", "date"
DATE = TimestampFormat("iso8601")
CHOICE = (
    "choose the time with --timestamp: the format of the names (see --help), 'date' "
    "for date_captured, 'id' for ids as frame numbers, 'none' for photos"
)


@dataclass(frozen=True)
class Entry:
    """One image of a COCO file.

    Args:
        source: The file and the image's id, for error messages.
        id: The image's id.
        date: Value of ``date_captured``; None if missing.
        path: Path of the image.
        item: The frame, without its time; its source is ``file_name``.
    """

    source: str
    id: int
    date: Any
    path: Path
    item: Item


def with_times(
    entries: Sequence[Entry],
    timestamp: Any = None,
    fps: float | str | None = None,
    start: int | None = None,
) -> list[Item]:
    """Items with their times.

    Args:
        entries: All images.
        timestamp: ``'id'``: ids are frame numbers; ``'date'``: ``date_captured``; or a
            format of the time in the stem of ``file_name``. None takes what all images
            tell: a name in one certain format, or a date, if both agree; ids otherwise.
        fps: Frames per second of ids, 1 if None; refused where ids are not read.
        start: UNIX seconds of frame 0, 0 if None; likewise.

    Raises:
        ValueError: A name or date has no time, two frames of a recording have the same,
            names and dates contradict each other, or some tell a time and ids would be
            read instead.
    """
    options = fps is not None or start is not None
    if timestamp == BY_ID:
        return _by_id(entries, fps, start)
    if timestamp is None:
        timestamp = _known(entries, ids_wanted=options)
        if timestamp == BY_ID:
            _warn_of_ids(entries, fps)
            return _by_id(entries, fps, start)
    if options:
        raise ValueError(
            f"fps={fps} and start={start} are of ids as frame numbers, but the time is "
            f"read from {_origin(timestamp)}; give timestamp='id' to read ids"
        )
    if timestamp == BY_DATE:
        return _by_date(entries)
    items = _by_name(entries, timestamp_format(timestamp))
    _warn_of_dates(entries, items)
    return items


def _origin(timestamp: Any) -> str:
    return "date_captured" if timestamp == BY_DATE else f"file names ({timestamp})"


# What the images tell


def _known(entries: Sequence[Entry], ids_wanted: bool) -> Any:
    """The origin of the times that all images tell."""
    names = [entry.item.source for entry in entries]
    form, dates = format_of_names(names), _dates(entries)
    if form is None and ids_wanted:
        return BY_ID
    if form is None and dates is not None:
        return BY_DATE
    if form is None and (example := first_with_time(names)):
        raise ValueError(
            f"file names seem to contain the time, such as {example}, but not all are "
            f"in one format: {CHOICE}; stem=REGEX if names contain more than the time"
        )
    if form is None:
        return BY_ID
    if dates is not None:
        _check_agreement(entries, form, dates)
    print_log(f"times are read from file names ({form.name})", "current")
    return form


def _dates(entries: Sequence[Entry]) -> list[int] | None:
    """UNIX nanoseconds of all dates; None if one is missing or not unique."""
    try:
        check_times(items := _by_date(entries))
    except ValueError:
        return None
    return [item.timestamp for item in items]


def _check_agreement(
    entries: Sequence[Entry], form: TimestampFormat, dates: Sequence[int]
) -> None:
    for entry, date in zip(entries, dates, strict=True):
        name = form.parse(PurePosixPath(entry.item.source).stem, entry.source)
        if abs(name.timestamp - date) >= SECOND:
            raise ValueError(
                f"{entry.source}: the name {entry.item.source} and date_captured "
                f"{entry.date!r} are different times: {CHOICE}"
            )


# Each origin


def _by_name(entries: Sequence[Entry], form: TimestampFormat) -> list[Item]:
    items = []
    for entry in entries:
        stamp = form.parse(PurePosixPath(entry.item.source).stem, entry.source)
        item = replace(entry.item, timestamp=stamp.timestamp)
        if stamp.recording is not None:
            folder = PurePosixPath(entry.item.source).parent
            item = replace(item, recording=(folder / stamp.recording).as_posix())
        items.append(item)
    check_times(items)
    return items


def _by_date(entries: Sequence[Entry]) -> list[Item]:
    items = [_at(e, DATE, str(e.date)) for e in entries]
    check_times(items)
    return items


def _by_id(
    entries: Sequence[Entry], fps: float | str | None, start: int | None
) -> list[Item]:
    """Items timed by id; recordings are prefixed with their part, which may share."""
    form = TimestampFormat("frame", fps=1 if fps is None else fps, start=start or 0)
    items = [_at(entry, form, str(entry.id)) for entry in entries]
    names = [PurePosixPath(i.split, i.recording).as_posix() for i in items]
    return [replace(i, recording=n) for i, n in zip(items, names, strict=True)]


def _at(entry: Entry, form: TimestampFormat, stamp: str) -> Item:
    timestamp = form.parse(stamp, entry.source).timestamp
    return replace(entry.item, timestamp=timestamp)


# Conflicts that are told


def _warn_of_ids(entries: Sequence[Entry], fps: float | str | None) -> None:
    lines = [f"no times: ids are read as frame numbers at {fps or 1} frames per second"]
    if example := next((e for e in entries if e.date), None):
        lines.append(
            f"date_captured is not used, as some are missing, equal or no dates (image "
            f"{example.id} has {example.date!r})"
        )
    by_name = sorted(entries, key=lambda e: natural(e.item.source))
    for first, second in pairwise(by_name):
        same = (first.item.recording, first.item.split) == (
            second.item.recording,
            second.item.split,
        )
        if same and first.id > second.id:
            lines.append(
                f"ids are not in the order of the names: {first.item.source} has id "
                f"{first.id}, {second.item.source} has id {second.id}"
            )
            break
    _warn(f"{'; '.join(lines)}. If that is wrong, {CHOICE}")


def _warn_of_dates(entries: Sequence[Entry], items: Sequence[Item]) -> None:
    """Warn if names that were asked for contradict the dates."""
    dates = _dates(entries)
    for entry, item, date in zip(entries, items, dates or (), strict=False):
        if item.timestamp >= 0 and abs(item.timestamp - date) >= SECOND:
            _warn(
                f"{entry.source}: the name {item.source} and date_captured "
                f"{entry.date!r} are different times; the name is used"
            )
            return


def _warn(text: str) -> None:
    print_log(text, "current", logging.WARNING)

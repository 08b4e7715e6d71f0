"""Writes converted frames, labels, their table and a description of their origin.

A conversion can be interrupted at any moment. Run again with the same arguments, it
continues: every file is complete or absent, and a state file lists what is written.
"""

import json
import logging
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from mmengine.logging import print_log
from PIL import Image
from rich.progress import Progress

from mmseg_splashkd.datasets.converters.bad_labels import NAMED, listed, raise_all
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import LabelFile, index_unique
from mmseg_splashkd.datasets.converters.pictures import UprightPicture
from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.integrity import image_size, read_frame, upright_size
from mmseg_splashkd.datasets.label_coding import LabelCoding, read_gray, two_values
from mmseg_splashkd.datasets.parallel import map_frames
from mmseg_splashkd.datasets.split_table import write_table
from mmseg_splashkd.datasets.timestamps import NO_TIME, format_timestamp
from mmseg_splashkd.files import (
    read_text,
    target_of_partial,
    whole_file,
    write_whole,
)
from mmseg_splashkd.foreign import parse_json, reading
from mmseg_splashkd.version import __version__

STATE, TABLE, ABOUT = ".conversion.json", "frames.csv", "about.json"
FORBIDDEN = re.compile(r'[\x00-\x1f<>:"/\\|?*]')  # in file names of any system
RENAMED = {"label_map": "label_coding"}  # keys of ``about`` in earlier versions


def write_items(
    items: Iterable[Item],
    dst: str | Path,
    coding: LabelCoding,
    total: int | None = None,
    force: bool = False,
    *,
    about: Mapping[str, Any],
    skip_bad: bool = False,
) -> Path:
    """Write a converted data set.

    ``dst`` then holds ``images/<recording>/<stamp><suffix>`` (copies of the source
    files; computed frames as PNG), ``labels/<recording>/<stamp>.png`` (gray, 8 bits
    unless a value is above 255), the table ``frames.csv`` and ``about.json``. A frame
    without time has its source's stem in place of the stamp. The table's column
    ``source`` is the path of each picture in the foreign data set.

    Args:
        items: The frames. All are listed before the first one is written.
        dst: A new or empty folder, or one with an unfinished conversion with the same
            arguments, which is then completed. A finished one is left unchanged.
        coding: Label coding. Every label is checked against it before it is written.
        total: Approximate number of items for the progress bar, if listing is slow;
            None by default.
        force: Convert again from scratch. Removes only files that an earlier
            conversion wrote. False by default.
        about: Source and options of the conversion, for ``about.json`` (paths become
            text). A different ``about`` or ``coding`` makes it a different conversion.
            Sources are relative to the path in its key ``source``.
        skip_bad: Leave out pictures that cannot be read, and labels that cannot be read
            or do not fit their frame or the coding; the first are named and all counted
            in ``about.json``. Frames of such labels become unlabelled, not background.
            False by default.

    Returns:
        Path of the table.

    Raises:
        FileExistsError: ``dst`` holds other files or a different conversion.
        ValueError: There are no items, two have the same time stamp or, without time,
            the same name, a file is damaged, a frame and its label differ in size, or a
            label value is unknown.
    """
    items, dst = _list(items, total), Path(dst)
    items = [replace(item, source=_source_of(item, about)) for item in items]
    items, damaged = _without_damaged(items, skip_bad)
    items, bad = _without_bad(items, coding) if skip_bad else (items, [])
    frames = [_plan(item, dst) for item in items]
    _check_unique(items, frames)
    arguments = _arguments(about, coding)
    if _begin(dst, arguments, _names(frames, dst), force):
        print_log(f"{dst} is converted already; nothing is changed")
        return dst / TABLE
    table = write_table(
        dst / TABLE, _write_all(items, frames, coding, f"Writing {dst}")
    )
    counts = {"counts": _counts(frames), "version": __version__}
    _write_json(dst / ABOUT, arguments | counts | _left_out(damaged, bad))
    _write_json(dst / STATE, _read_state(dst) | {"finished": True})
    return table


# Planning


def _list(items: Iterable[Item], total: int | None) -> list[Item]:
    if isinstance(items, Sequence):
        return list(items)
    with Progress() as progress:
        return list(progress.track(items, total, description="Listing frames"))


def _check_unique(items: list[Item], frames: list[Frame]) -> None:
    if not items:
        raise ValueError("there are no frames to convert")
    pairs = list(zip(items, frames, strict=True))
    in_time_order(replace(frame, image=_source(item)) for item, frame in pairs)
    index_unique(  # some file systems do not tell 'A.png' from 'a.png'
        (
            (str(Path(frame.image).with_suffix("")).casefold(), _source(item))
            for item, frame in pairs
        ),
        "would be written to one file: rename one",
    )


def _source_of(item: Item, about: Mapping[str, Any]) -> str:
    """Path of a picture in the foreign data set; its name if it lies elsewhere."""
    if item.source or not isinstance(item.image, Path):
        return item.source
    root = about.get("source")
    if root and item.image.is_relative_to(str(root)):
        return item.image.relative_to(str(root)).as_posix()
    return item.image.name


def _source(item: Item) -> str:
    """Name of an item in an error message."""
    if isinstance(item.image, Path):
        return str(item.image)
    return item.source or f"{item.recording}/{format_timestamp(item.timestamp)}"


def _stem(item: Item) -> str:
    """Stem of the files of a frame: its time stamp, or the stem of its source."""
    if item.timestamp != NO_TIME:
        return format_timestamp(item.timestamp)
    stem = FORBIDDEN.sub("_", PurePosixPath(item.source).stem).strip(" .")
    if not stem:
        raise ValueError(f"a frame of recording {item.recording!r} has no time or name")
    return stem


def _plan(item: Item, dst: Path) -> Frame:
    parts = item.recording.split("/") if item.recording else []
    drive = PureWindowsPath(item.recording).drive
    if drive or {"", ".", ".."} & set(parts) or set("\\\0") & set(item.recording):
        raise ValueError(f"recording {item.recording!r} cannot be a folder's name")
    suffix = item.image.suffix.lower() if isinstance(item.image, Path) else ".png"
    stem = "/".join((*parts, _stem(item)))
    return Frame(
        recording=item.recording,
        timestamp=item.timestamp,
        image=str(dst / "images" / f"{stem}{suffix}"),
        label=str(dst / "labels" / f"{stem}.png") if item.label else "",
        split=item.split,
        source=item.source,
    )


def _names(frames: Iterable[Frame], dst: Path) -> list[str]:
    paths = (path for frame in frames for path in (frame.image, frame.label) if path)
    return sorted(Path(path).relative_to(dst).as_posix() for path in paths)


def _arguments(about: Mapping[str, Any], coding: LabelCoding) -> dict[str, Any]:
    """``about`` and the coding, as they are after a round trip through JSON."""
    codes = {"classes": coding.classes, "gray_to_train_id": coding.gray_to_train_id}
    arguments = {**about, **codes, "unknown": coding.unknown}
    return json.loads(json.dumps(arguments, default=str))


def _counts(frames: list[Frame]) -> dict[str, Any]:
    return {
        "frames": len(frames),
        "labels": sum(bool(frame.label) for frame in frames),
        "recordings": Counter(frame.recording for frame in frames),
        "splits": Counter(frame.split for frame in frames if frame.split),
    }


def _left_out(damaged: list[str], bad: list[str]) -> dict[str, Any]:
    """What ``about.json`` says of pictures and labels that are left out."""
    counts = {"pictures": len(damaged), "labels": len(bad)}
    counts = {what: count for what, count in counts.items() if count}
    first = (damaged + bad)[:NAMED]
    return {"left_out": {**counts, "first": first}} if counts else {}


def _without_damaged(items: list[Item], skip_bad: bool) -> tuple[list[Item], list[str]]:
    """Items whose pictures can be read, and what is wrong with the others.

    Raises:
        ValueError: A picture cannot be read, and ``skip_bad`` is False, or none can.
    """
    found = map_frames(_damage, items, "Reading pictures", progress=False)
    bad = [problem for problem in found if problem]
    if bad and skip_bad and len(bad) < len(items):
        message = f"{len(bad)} pictures are left out:{listed(bad)}"
        print_log(message, "current", logging.WARNING)
    else:
        raise_all(bad, "pictures cannot be converted")
    return [item for item, no in zip(items, found, strict=True) if not no], bad


def _damage(item: Item) -> str:
    """Why the picture of an item cannot be read; empty if it can, or is computed."""
    try:
        if isinstance(item.image, Path):
            header, _ = read_frame(item.image)
            upright_size(header, item.image)
        elif isinstance(item.image, UprightPicture):
            item.image()
    except ValueError as error:
        return str(error)
    return ""


def _without_bad(
    items: list[Item], coding: LabelCoding
) -> tuple[list[Item], list[str]]:
    """Items without the labels that cannot be written, and what is wrong with these."""
    kept, bad = [], []
    for item in items:
        problem = _problem(item, coding) if item.label else ""
        kept.append(replace(item, label=None) if problem else item)
        bad += [f"{_source(item)}: {problem}"] if problem else []
    if bad:
        message = f"{len(bad)} labels are left out, their frames are unlabelled:"
        print_log(message + listed(bad), "current", logging.WARNING)
    return kept, bad


def _problem(item: Item, coding: LabelCoding) -> str:
    picture = item.image if isinstance(item.image, Path) else item.image()
    size = image_size(picture) if isinstance(picture, Path) else picture.shape[1::-1]
    try:
        assert item.label is not None
        _read_label(item.label, item, size, coding)
    except ValueError as error:
        return str(error)
    return ""


# State of the folder


def _begin(dst: Path, arguments: dict[str, Any], names: list[str], force: bool) -> bool:
    """Record the conversion in the folder; return True if it is finished already."""
    state = _read_state(dst)
    own = {STATE, TABLE, ABOUT, *state["files"]} if state else set()
    present = {p.relative_to(dst).as_posix() for p in dst.rglob("*") if p.is_file()}
    partial = {name for name in present if str(target_of_partial(name)) in own}
    others = present - own - partial
    if state and force:
        others &= set(names)  # other files at the paths of new ones
    elif state:
        _check_same(dst, state, arguments, names)
        lost = not all((dst / name).is_file() for name in (TABLE, *names))
        if state["finished"] and not lost:
            return True
    if others:
        raise FileExistsError(
            f"{dst} holds files of something else, such as {min(others)}: give a new "
            f"or an empty folder"
        )
    _remove(dst, own | partial if force else partial)
    state = {"arguments": arguments, "files": names, "finished": False}
    _write_json(dst / STATE, state)
    return False


def _read_state(dst: Path) -> dict[str, Any]:
    """State of the conversion in the folder; empty if there is none."""
    path = dst / STATE
    if not path.is_file():
        return {}
    with reading(path, "state of a conversion"):
        state = parse_json(read_text(path))
        files, arguments = state["files"], state["arguments"]
        named = isinstance(files, list) and all(isinstance(f, str) for f in files)
        if not (named and isinstance(arguments, dict) and "finished" in state):
            raise ValueError("it lists no files and arguments")
        return state


def _check_same(
    dst: Path, state: dict[str, Any], arguments: dict[str, Any], names: list[str]
) -> None:
    how = "finished" if state["finished"] else "unfinished"
    remedy = "convert into another folder, or from scratch with --force"
    arguments_before: dict[str, Any] = state["arguments"]
    before = {RENAMED.get(key, key): v for key, v in arguments_before.items()}
    keys = sorted(before.keys() | arguments.keys())
    if differ := [key for key in keys if before.get(key) != arguments.get(key)]:
        raise FileExistsError(
            f"{dst} holds the {how} conversion with other arguments; {differ[0]} was "
            f"{before.get(differ[0])}, now it is {arguments.get(differ[0])}: {remedy}"
        )
    if changed := set(names) ^ set(state["files"]):
        raise FileExistsError(
            f"{dst} holds a {how} conversion of other frames; the source gained or "
            f"lost {len(changed)} files since, such as {min(changed)}: {remedy}"
        )


def _remove(dst: Path, names: Iterable[str]) -> None:
    """Remove files, and the folders that are empty afterwards."""
    root, paths = dst.resolve(), [dst / name for name in names]
    for path in paths:
        if not path.parent.resolve().is_relative_to(root):
            raise ValueError(f"{path} of {dst / STATE} lies outside of {dst}")
    for path in paths:
        path.unlink(missing_ok=True)
    folders = {folder for path in paths for folder in path.relative_to(dst).parents}
    for folder in sorted(folders - {Path()}, reverse=True):  # inner folders first
        if (dst / folder).is_dir() and not any((dst / folder).iterdir()):
            (dst / folder).rmdir()


# Writing


def _write_all(
    items: list[Item], frames: list[Frame], coding: LabelCoding, title: str
) -> list[Frame]:
    written = []
    # Progress.track() leaves its thread running if the loop body raises.
    with Progress() as progress:
        task = progress.add_task(title, total=len(items))
        for item, frame in zip(items, frames, strict=True):
            written.append(_write(item, frame, coding))
            progress.advance(task)
    return written


def _write(item: Item, frame: Frame, coding: LabelCoding) -> Frame:
    """Write the missing files of one frame; return it with its splash share."""
    if not all(Path(path).is_file() for path in (frame.image, frame.label) if path):
        _write_pair(item, frame, coding)
    if "splash" not in coding.classes or not frame.label:
        return frame
    train_ids = coding.to_train_ids(read_gray(frame.label), frame.label)
    share = (train_ids == coding.classes.index("splash")).mean()
    return replace(frame, splash_share=float(share))


def _write_pair(item: Item, frame: Frame, coding: LabelCoding) -> None:
    image = item.image if isinstance(item.image, Path) else _compute(item.image, item)
    size = image_size(image) if isinstance(image, Path) else image.shape[1::-1]
    if item.label:
        gray = _read_label(item.label, item, size, coding)
        with whole_file(frame.label) as partial:
            Image.fromarray(gray).save(partial, "PNG")
    with whole_file(frame.image) as partial:
        if isinstance(image, Path):
            shutil.copyfile(image, partial)
        else:
            Image.fromarray(image).save(partial, "PNG")


def _compute(read: Callable[[], np.ndarray], item: Item) -> np.ndarray:
    image = read()
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"frame {_source(item)}: expected 8-bit RGB, got shape {image.shape}, "
            f"dtype {image.dtype}"
        )
    return image


def _read_label(
    read: Callable[[], np.ndarray],
    item: Item,
    size: tuple[int, ...],
    coding: LabelCoding,
) -> np.ndarray:
    source = str(read) if isinstance(read, LabelFile) else f"label of {_source(item)}"
    gray = read()
    if gray.dtype == bool:
        gray = two_values(gray, coding.gray_to_train_id, source)
    coding.to_train_ids(gray, source)
    if gray.shape != size[::-1]:
        raise ValueError(
            f"{source} is {gray.shape[1]}x{gray.shape[0]}, but its frame "
            f"{_source(item)} is {size[0]}x{size[1]}"
        )
    return gray.astype(np.uint8) if gray.max() < 256 else gray


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_whole(path, json.dumps(content, indent=1) + "\n")

"""Writing what a converter found: frames, labels, their table, and where it is from.

A conversion can be stopped at any moment, and goes on where it was when it is run again
with the same arguments: every file is written whole or not at all, and a file of state
says what is being written.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from mmengine.logging import print_log
from PIL import Image
from rich.progress import Progress

from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import LabelFile
from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.integrity import image_size
from mmseg_splashkd.datasets.label_coding import LabelCoding, read_gray
from mmseg_splashkd.datasets.split_table import write_table
from mmseg_splashkd.datasets.timestamps import format_timestamp
from mmseg_splashkd.version import __version__

STATE, TABLE, ABOUT = ".conversion.json", "frames.csv", "about.json"


def write_items(
    items: Iterable[Item],
    dst: str | Path,
    coding: LabelCoding,
    total: int | None = None,
    force: bool = False,
    *,
    about: Mapping[str, Any],
) -> Path:
    """Write a converted data set.

    ``dst`` then holds ``images/<recording>/<stamp><suffix>`` (files as they were, drawn
    frames as PNG), ``labels/<recording>/<stamp>.png`` (gray, 8 bits unless a value is
    above 255), the table ``frames.csv`` and ``about.json``.

    Args:
        items: All of them are listed before the first is written.
        dst: A new or an empty folder, or one with an unfinished conversion by the same
            arguments, which is then finished. A finished one is left as it is.
        coding: How labels are coded; each is checked before it is written.
        total: About how many items there are, where they come slowly.
        force: Convert again from scratch. Removes what an earlier conversion wrote, and
            nothing else.
        about: Where the frames are from and how they were converted, for ``about.json``
            (paths become text). With another ``about`` or ``coding`` it is another
            conversion.

    Returns:
        The table.

    Raises:
        FileExistsError: ``dst`` holds something else.
        ValueError: There are no items, two have one time stamp, a file is damaged, a
            frame and its label differ in size, or a label value is unknown.
    """
    items, dst = _list(items, total), Path(dst)
    _check_unique(items)
    frames = [_plan(item, dst) for item in items]
    arguments = _arguments(about, coding)
    if _begin(dst, arguments, _names(frames, dst), force):
        print_log(f"{dst} is converted already; nothing is changed")
        return dst / TABLE
    table = write_table(
        dst / TABLE, _write_all(items, frames, coding, f"Writing {dst}")
    )
    counts = {"counts": _counts(frames), "version": __version__}
    _write_json(dst / ABOUT, arguments | counts)
    _write_json(dst / STATE, _read_state(dst) | {"finished": True})
    return table


# What is to be written


def _list(items: Iterable[Item], total: int | None) -> list[Item]:
    if isinstance(items, Sequence):
        return list(items)
    listed = []
    with Progress() as progress:
        task = progress.add_task("Listing frames", total=total)
        for item in items:
            listed.append(item)
            progress.advance(task)
    return listed


def _check_unique(items: list[Item]) -> None:
    if not items:
        raise ValueError("there are no frames to convert")
    in_time_order(Frame(i.recording, i.timestamp, _source(i)) for i in items)


def _source(item: Item) -> str:
    """Name an item in an error."""
    if isinstance(item.image, Path):
        return str(item.image)
    return f"{item.recording}/{format_timestamp(item.timestamp)}"


def _plan(item: Item, dst: Path) -> Frame:
    parts = item.recording.split("/") if item.recording else []
    drive = PureWindowsPath(item.recording).drive
    if drive or {"", ".", ".."} & set(parts) or set("\\\0") & set(item.recording):
        raise ValueError(f"recording {item.recording!r} cannot be a folder's name")
    suffix = item.image.suffix.lower() if isinstance(item.image, Path) else ".png"
    stem = "/".join((*parts, format_timestamp(item.timestamp)))
    return Frame(
        recording=item.recording,
        timestamp=item.timestamp,
        image=str(dst / "images" / f"{stem}{suffix}"),
        label=str(dst / "labels" / f"{stem}.png") if item.label else "",
        split=item.split,
    )


def _names(frames: Iterable[Frame], dst: Path) -> list[str]:
    paths = (path for frame in frames for path in (frame.image, frame.label) if path)
    return sorted(Path(path).relative_to(dst).as_posix() for path in paths)


def _arguments(about: Mapping[str, Any], coding: LabelCoding) -> dict[str, Any]:
    """Return ``about`` with the coding, as JSON gives it back."""
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


# The state of a folder


def _begin(dst: Path, arguments: dict[str, Any], names: list[str], force: bool) -> bool:
    """Claim the folder for a conversion; say whether it is finished already."""
    state = _read_state(dst)
    own = {STATE, TABLE, ABOUT, *state["files"]} if state else set()
    own |= {_partial(Path(name)).as_posix() for name in own}
    others = {p.relative_to(dst).as_posix() for p in dst.rglob("*") if p.is_file()}
    others -= own
    if state and force:
        others &= set(names)  # files of something else where new ones would be
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
    if state and force:
        _remove(dst, own)
    dst.mkdir(parents=True, exist_ok=True)
    state = {"arguments": arguments, "files": names, "finished": False}
    _write_json(dst / STATE, state)
    return False


def _read_state(dst: Path) -> dict[str, Any]:
    """Return what is being converted into the folder, or was; empty if nothing."""
    path = dst / STATE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _check_same(
    dst: Path, state: dict[str, Any], arguments: dict[str, Any], names: list[str]
) -> None:
    how = "finished" if state["finished"] else "unfinished"
    remedy = "convert into another folder, or from scratch with --force"
    before = state["arguments"]
    keys = sorted(before.keys() | arguments.keys())
    if differ := [key for key in keys if before.get(key) != arguments.get(key)]:
        raise FileExistsError(
            f"{dst} holds the {how} conversion by other arguments; {differ[0]} was "
            f"{before.get(differ[0])}, now it is {arguments.get(differ[0])}: {remedy}"
        )
    if changed := set(names) ^ set(state["files"]):
        raise FileExistsError(
            f"{dst} holds a {how} conversion of other frames; the source gained or "
            f"lost {len(changed)} files since, such as {min(changed)}: {remedy}"
        )


def _remove(dst: Path, names: Iterable[str]) -> None:
    """Remove files, and the folders that this leaves empty."""
    root, paths = dst.resolve(), [dst / name for name in names]
    for path in paths:
        if not path.parent.resolve().is_relative_to(root):
            raise ValueError(f"{path} of {dst / STATE} lies outside of {dst}")
    for path in paths:
        path.unlink(missing_ok=True)
    folders = {folder for path in paths for folder in path.relative_to(dst).parents}
    for folder in sorted(folders - {Path()}, reverse=True):  # the inner ones first
        if (dst / folder).is_dir() and not any((dst / folder).iterdir()):
            (dst / folder).rmdir()


# Writing


def _write_all(
    items: list[Item], frames: list[Frame], coding: LabelCoding, title: str
) -> list[Frame]:
    written = []
    with Progress() as progress:  # rich's track() would not end its thread at an error
        task = progress.add_task(title, total=len(items))
        for item, frame in zip(items, frames, strict=True):
            written.append(_write(item, frame, coding))
            progress.advance(task)
    return written


def _write(item: Item, frame: Frame, coding: LabelCoding) -> Frame:
    """Write what is missing of one frame; return it with its share of splash."""
    if not all(Path(path).is_file() for path in (frame.image, frame.label) if path):
        _write_pair(item, frame, coding)
    if "splash" not in coding.classes or not frame.label:
        return frame
    train_ids = coding.to_train_ids(read_gray(frame.label), frame.label)
    share = (train_ids == coding.classes.index("splash")).mean()
    return replace(frame, splash_share=float(share))


def _write_pair(item: Item, frame: Frame, coding: LabelCoding) -> None:
    image = item.image if isinstance(item.image, Path) else _draw(item.image, item)
    size = image_size(image) if isinstance(image, Path) else image.shape[1::-1]
    if item.label:
        gray = _read_label(item.label, item, size, coding)
        with _whole(Path(frame.label)) as partial:
            Image.fromarray(gray).save(partial, "PNG")
    with _whole(Path(frame.image)) as partial:
        if isinstance(image, Path):
            shutil.copyfile(image, partial)
        else:
            Image.fromarray(image).save(partial, "PNG")


def _draw(draw: Callable[[], np.ndarray], item: Item) -> np.ndarray:
    image = draw()
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
    coding.to_train_ids(gray, source)
    if gray.shape != size[::-1]:
        raise ValueError(
            f"{source} is {gray.shape[1]}x{gray.shape[0]}, but its frame "
            f"{_source(item)} is {size[0]}x{size[1]}"
        )
    return gray.astype(np.uint8) if gray.max() < 256 else gray


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a path to write to, which becomes ``path`` when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with _whole(path) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

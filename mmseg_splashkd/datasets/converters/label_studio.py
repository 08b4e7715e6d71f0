"""Brush labels of Label Studio as PNG: a mask a region, and a list of tasks."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from mmseg_splashkd.datasets.converters.class_names import (
    background_gray,
    gray_of_names,
)
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import held
from mmseg_splashkd.datasets.converters.pictures import (
    SUFFIXES,
    check_times,
    find_pictures,
    measure,
    when_and_where,
)
from mmseg_splashkd.datasets.label_coding import LabelCoding, read_gray
from mmseg_splashkd.datasets.timestamps import TimestampFormat

# As label_studio_converter.brush names them. Neither user nor tag holds a dash.
MASK = re.compile(r"task-(\d+)-annotation-(\d+)-by-[^-]*-[^-]+-(.+)-\d+\.png")
UPLOAD = re.compile(r"[0-9a-f]{8}-")  # what an upload puts in front of the name
HALF = 128  # opacity of a painted pixel; the brush has soft edges


@dataclass(frozen=True)
class Region:
    """A mask of one class.

    Args:
        path: Its PNG, 0 to 255.
        annotation: Id of the annotation that it is from.
        name: The class.
    """

    path: Path
    annotation: int
    name: str


@dataclass(frozen=True)
class Regions:
    """Masks of one picture: called, they are painted, larger ones first.

    Args:
        paths: Their PNGs.
        grays: Their gray values.
        size: (W, H) of the picture.
        background: Gray value where no mask is.
    """

    paths: tuple[Path, ...]
    grays: tuple[int, ...]
    size: tuple[int, int]
    background: int

    def __call__(self) -> np.ndarray:
        """Paint (H, W) uint8 gray values.

        Raises:
            ValueError: A mask cannot be read or has another size than the picture.
        """
        masks = [self._read(path) for path in self.paths]
        label = np.full(self.size[::-1], self.background, np.uint8)
        for i in sorted(range(len(masks)), key=lambda i: -int(masks[i].sum())):
            label[masks[i]] = self.grays[i]
        return label

    def _read(self, path: Path) -> np.ndarray:
        mask = read_gray(path)
        if mask.shape != self.size[::-1]:
            raise ValueError(
                f"mask {path} has the shape {mask.shape}, its picture {self.size[::-1]}"
            )
        return mask >= HALF


def find_masks(src: Path) -> dict[int, list[Region]]:
    """Masks of an export by their task."""
    masks: dict[int, list[Region]] = {}
    for path in sorted(src.glob("task-*.png")):
        if match := MASK.fullmatch(path.name):
            region = Region(path, int(match[2]), match[3])
            masks.setdefault(int(match[1]), []).append(region)
    return masks


def read_label_studio(
    src: Path,
    coding: LabelCoding,
    timestamp: TimestampFormat,
    names: Mapping[str, str] | None = None,
    images: str | Path | None = None,
    tasks: str | Path | None = None,
) -> list[Item]:
    """Read an export; see ``read_masks``.

    A task whose annotation marks nothing is background; one without an annotation is
    unlabelled. A pixel counts as painted from half opacity on.

    Raises:
        FileNotFoundError: The list of tasks or a picture is missing.
        ValueError: A class has no counterpart; a task is unknown, has several
            annotations, or an annotation without its masks.
    """
    masks, root = find_masks(src), src / (images or "images")
    rows = _read_tasks(src, tasks)
    if strange := sorted(masks.keys() - rows.keys()):
        raise ValueError(
            f"{masks[strange[0]][0].path}: task {strange[0]} is not listed"
        )
    classes = {region.name for regions in masks.values() for region in regions}
    # A class that no one marked this time has no file, and may well be renamed.
    marked = {name.casefold() for name in classes}
    names = {k: v for k, v in (names or {}).items() if k.casefold() in marked}
    grays = gray_of_names(sorted(classes), coding, src, names)
    pictures = _pictures_by_name(root)
    background = background_gray(coding, src)
    items = []
    for task, row in rows.items():
        regions = masks.get(task, [])
        _check_one(task, regions, row, src)
        path, stem = _find_picture(_picture_name(row, task), pictures, root, task)
        place, name = path.relative_to(root), src.resolve().name
        when, recording = when_and_where(place, timestamp, name, stem)
        picture, size = measure(path)
        label = None
        if regions or _is_annotated(row):
            paths = tuple(region.path for region in regions)
            values = tuple(grays[region.name] for region in regions)
            label = Regions(paths, values, size, background)
        items.append(Item(recording, when, picture, label))
    check_times(items)
    return items


def _read_tasks(src: Path, tasks: str | Path | None) -> dict[int, Any]:
    """Tasks by their id: rows of an export, or names of pictures."""
    files = [src / tasks] if tasks else sorted(src.glob("*.json"))
    if len(files) != 1 or not files[0].is_file():
        raise FileNotFoundError(
            f"one JSON export must say what picture a task is of; name it by tasks=. "
            f"{held(src)}"
        )
    try:
        content = json.loads(files[0].read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return {int(task): name for task, name in content.items()}
        return {int(row["id"]): row for row in content}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{files[0]} is neither a JSON export of Label Studio nor an object of "
            f"task id -> picture: {error!r}"
        ) from error


def _is_annotated(row: Any) -> bool:
    """Whether someone submitted the task, be it with nothing marked."""
    if not isinstance(row, dict):
        return False
    submitted = [a for a in row.get("annotations", ()) if not a.get("was_cancelled")]
    return bool(submitted) or "annotation_id" in row  # of the short export


def _check_one(task: int, regions: list[Region], row: Any, src: Path) -> None:
    ids = sorted({region.annotation for region in regions})
    if len(ids) > 1:
        raise ValueError(
            f"{src}: task {task} has the annotations {ids}; keep the masks of one"
        )
    if regions or not isinstance(row, dict):
        return
    results = [r for a in row.get("annotations", ()) for r in a.get("result", ())]
    if any(result.get("type") == "brushlabels" for result in results):
        raise FileNotFoundError(
            f"{src}: task {task} has brush labels, but no PNG: export both at one time"
        )


def _picture_name(row: Any, task: int) -> str:
    data = row.get("data", row) if isinstance(row, dict) else {"image": row}
    for value in data.values():
        if isinstance(value, str):
            url = urlsplit(value)
            path = parse_qs(url.query).get("d", [unquote(url.path)])[0]
            name = PurePosixPath(path.replace("\\", "/")).name
            if name.lower().endswith(SUFFIXES):
                return name
    raise ValueError(f"task {task} names no picture: {data}")


def _pictures_by_name(root: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in find_pictures(root):
        found.setdefault(path.name, []).append(path)
    return found


def _find_picture(
    name: str, pictures: Mapping[str, list[Path]], root: Path, task: int
) -> tuple[Path, str]:
    """Return a task's picture, and its stem without what an upload put in front."""
    original = UPLOAD.sub("", name, count=1) if UPLOAD.match(name) else name
    found = pictures.get(name) or pictures.get(original, [])
    if len(found) != 1:
        what = f"stands in {len(found)} folders of" if found else "is not in"
        raise FileNotFoundError(
            f"picture {original} of task {task} {what} {root}; images= names the folder"
        )
    return found[0], Path(original).stem

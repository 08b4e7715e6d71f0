"""Label Studio's brush labels as PNG: one mask per region, and a list of tasks."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from mmseg_splashkd.datasets.converters.class_names import (
    background_gray,
    gray_of_names,
)
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import describe_contents
from mmseg_splashkd.datasets.converters.pictures import (
    SUFFIXES,
    Size,
    check_times,
    find_pictures,
    picture_item,
)
from mmseg_splashkd.datasets.label_coding import LabelCoding, read_gray
from mmseg_splashkd.datasets.timestamps import TimestampFormat

# File names of label_studio_converter.brush; user and tag contain no dash.
MASK = re.compile(r"task-(\d+)-annotation-(\d+)-by-[^-]*-[^-]+-(.+)-\d+\.png")
UPLOAD = re.compile(r"[0-9a-f]{8}-")  # prefix of uploaded files
HALF = 128  # opacity threshold; the brush has soft edges


@dataclass(frozen=True)
class BrushMask:
    """Mask of one class.

    Args:
        path: PNG with opacity values 0 to 255.
        annotation: Id of its annotation.
        name: Foreign class name.
    """

    path: Path
    annotation: int
    name: str


@dataclass(frozen=True)
class BrushLabel:
    """Label of one picture, painted from its masks when called, largest first.

    Args:
        paths: PNGs of the masks.
        grays: Gray value of each mask, in [0, 255].
        size: (W, H) of the picture.
        background: Gray value of pixels outside all masks.
    """

    paths: tuple[Path, ...]
    grays: tuple[int, ...]
    size: Size
    background: int

    def __call__(self) -> np.ndarray:
        """Return (H, W) uint8 gray values.

        Raises:
            ValueError: A mask cannot be read or differs in size from the picture.
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


def find_masks(src: Path) -> dict[int, list[BrushMask]]:
    """Masks of an export by task id."""
    masks: dict[int, list[BrushMask]] = {}
    for path in sorted(src.glob("task-*.png")):
        if match := MASK.fullmatch(path.name):
            mask = BrushMask(path, int(match[2]), match[3])
            masks.setdefault(int(match[1]), []).append(mask)
    return masks


def read_label_studio(
    src: Path,
    coding: LabelCoding,
    timestamp: TimestampFormat,
    names: Mapping[str, str] | None = None,
    images: str | Path | None = None,
    tasks: str | Path | None = None,
) -> list[Item]:
    """Read an export; for the arguments see ``read_masks``.

    A task with an annotation without regions is all background; a task without an
    annotation is unlabelled. Pixels are painted where the opacity is at least one half.

    Raises:
        FileNotFoundError: The list of tasks or a picture is missing.
        ValueError: A class is not in the coding; a task is not listed, has several
            annotations, or an annotation without its masks.
    """
    masks, root = find_masks(src), src / (images or "images")
    rows = _read_tasks(src, tasks)
    if unlisted := sorted(masks.keys() - rows.keys()):
        raise ValueError(
            f"{masks[unlisted[0]][0].path}: task {unlisted[0]} is not listed"
        )
    grays = _grays(masks, coding, src, names)
    pictures = _pictures_by_name(root)
    background = background_gray(coding, src)
    items = []
    for task, row in rows.items():
        own = masks.get(task, [])
        _check_annotations(task, own, row, src)
        path, stem = _find_picture(_picture_name(row, task), pictures, root, task)
        label = partial(_label, own, row, grays, background)
        default = src.resolve().name
        items.append(picture_item(path, root, timestamp, default, label, stem))
    check_times(items)
    return items


def _label(
    masks: Sequence[BrushMask],
    row: Any,
    grays: Mapping[str, int],
    background: int,
    size: Size,
) -> BrushLabel | None:
    if not masks and not _is_annotated(row):
        return None
    paths = tuple(mask.path for mask in masks)
    values = tuple(grays[mask.name] for mask in masks)
    return BrushLabel(paths, values, size, background)


def _grays(
    masks: Mapping[int, Sequence[BrushMask]],
    coding: LabelCoding,
    src: Path,
    names: Mapping[str, str] | None,
) -> dict[str, int]:
    """Foreign class name -> gray value."""
    classes = sorted({mask.name for own in masks.values() for mask in own})
    # A class without regions in this export has no file; names may still have it.
    present = {name.casefold() for name in classes}
    names = {k: v for k, v in (names or {}).items() if k.casefold() in present}
    return gray_of_names(classes, coding, src, names)


def _read_tasks(src: Path, tasks: str | Path | None) -> dict[int, Any]:
    """Task id -> row of the JSON export, or name of the picture."""
    files = [src / tasks] if tasks else sorted(src.glob("*.json"))
    if len(files) != 1 or not files[0].is_file():
        raise FileNotFoundError(
            f"one JSON export must list the picture of each task; name it by tasks=. "
            f"{describe_contents(src)}"
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
    """Whether an annotation was submitted for the task, even without regions."""
    if not isinstance(row, dict):
        return False
    submitted = [a for a in row.get("annotations", ()) if not a.get("was_cancelled")]
    return bool(submitted) or "annotation_id" in row  # of the JSON-MIN export


def _check_annotations(task: int, masks: list[BrushMask], row: Any, src: Path) -> None:
    ids = sorted({mask.annotation for mask in masks})
    if len(ids) > 1:
        raise ValueError(
            f"{src}: task {task} has the annotations {ids}; keep the masks of one"
        )
    if masks or not isinstance(row, dict):
        return
    results = [r for a in row.get("annotations", ()) for r in a.get("result", ())]
    if any(result.get("type") == "brushlabels" for result in results):
        raise FileNotFoundError(
            f"{src}: task {task} has brush labels, but no PNG: export PNG and JSON "
            f"at the same time"
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
    """Path of a task's picture, and its stem without the prefix of an upload."""
    original = UPLOAD.sub("", name, count=1) if UPLOAD.match(name) else name
    found = pictures.get(name) or pictures.get(original, [])
    if len(found) != 1:
        what = f"is in {len(found)} folders of" if found else "is not in"
        raise FileNotFoundError(
            f"picture {original} of task {task} {what} {root}; images= names the folder"
        )
    return found[0], Path(original).stem

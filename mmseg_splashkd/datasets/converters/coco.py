"""COCO data sets: annotation files that list images without time stamps."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from mmseg_splashkd.datasets.converters.class_names import (
    background_gray,
    gray_of_names,
)
from mmseg_splashkd.datasets.converters.coco_shapes import (
    MASK,
    Shape,
    check_shape,
    paint_shapes,
)
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import import_extra, index_unique
from mmseg_splashkd.datasets.converters.pictures import (
    Size,
    check_times,
    open_picture,
    recording_of,
)
from mmseg_splashkd.datasets.converters.taco import TACO_TO_TRASH
from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.datasets.split_table import SPLITS
from mmseg_splashkd.datasets.timestamps import TimestampFormat

LAYOUT = """Expected a COCO file: {"images": [{"id", "file_name", "width", "height"}],
"categories": [{"id", "name"}], "annotations": [{"id", "image_id", "category_id",
"segmentation"}]}, and the images at the paths in file_name."""
DATE = TimestampFormat("iso8601")
Categories = str | Mapping[str, str] | None


@dataclass(frozen=True)
class Entry:
    """One image of a COCO file.

    Args:
        source: The file and the image's id, for error messages.
        id: The image's id.
        date: Value of ``date_captured``; None if missing.
        path: Path of the image.
        item: The frame, without its time.
    """

    source: str
    id: int
    date: Any
    path: Path
    item: Item


def read_coco(
    src: str | Path,
    coding: LabelCoding,
    annotations: str | Mapping[str, str] = "train.json",
    categories: Categories = None,
    images: str | Mapping[str, str] = ".",
    fps: float | str = 1,
    start: int = 0,
) -> list[Item]:
    """Read a data set with COCO annotations.

    Overlapping annotations are painted from the largest to the smallest, so that small
    objects stay visible; equal sizes in the order of their ids. Size is the area of the
    rasterized mask, as the field ``area`` is often wrong. Crowds are painted like other
    annotations.

    COCO has no time stamps. The time is ``date_captured`` if every image has one and no
    two dates of a recording are equal. Otherwise it is the image's id, read as a frame
    number; recordings are then prefixed with their part, as parts may share ids. A
    recording is the folder in ``file_name``, or ``src``.

    Args:
        src: Folder of the data set.
        coding: Label coding of the written labels; pixels without annotation are
            background.
        annotations: A file in ``src``, or part -> file, such as
            ``{"train": "train.json", "val": "val.json"}``. The images of a file without
            any annotations are unlabelled.
        categories: Mapping of categories to classes. None (default) matches names
            case-insensitively; a mapping of category name -> class adds names that
            differ; ``'taco'`` is the mapping of TACO to recyclable trash; ``'id'``
            takes category ids as gray values.
        images: Folder in ``src`` that ``file_name`` is relative to, or part -> folder.
        fps: Frames per second, if ids are frame numbers; 1 by default.
        start: UNIX seconds of frame number 0, if ids are frame numbers; 0 by default.

    Returns:
        The frames; no pixels are decoded yet.

    Raises:
        FileNotFoundError: An annotation file or an image is missing.
        ImportError: pycocotools is not installed.
        ValueError: A file is not in COCO format; an image differs in size from its
            entry, or is listed twice; an annotation has an unknown image or category,
            or an invalid segmentation. The message names the file and the id.
    """
    import_extra(*MASK)  # fail before anything is read
    src, frames = Path(src), TimestampFormat("frame", fps=fps, start=start)
    parts = {"": annotations} if isinstance(annotations, str) else annotations
    if unknown := sorted(parts.keys() - {"", *SPLITS}):
        raise ValueError(f"annotations has the parts {unknown}, not of {SPLITS}")
    entries, background = [], background_gray(coding, src)
    for part, name in parts.items():
        folder = images if isinstance(images, str) else images.get(part, ".")
        content = _load(src / name)
        shapes = _shapes_by_image(content, src / name, coding, categories)
        for key, image in _index(content["images"], src / name, "image").items():
            of_image = None if shapes is None else shapes.get(key, [])
            source = f"{src / name}, image {key}"
            entries.append(
                _entry(image, part, source, src, src / folder, of_image, background)
            )
    index_unique(((e.path, e.source) for e in entries), "are one image file")
    return _dated(entries) or _numbered(entries, frames)


def _load(file: Path) -> dict:
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} does not exist; set annotations=. The folder has "
            f"{sorted(path.name for path in file.parent.glob('*.json'))}. {LAYOUT}"
        )
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{file} is not valid JSON: {error}") from error
    found = sorted(content) if isinstance(content, dict) else type(content).__name__
    if not isinstance(content, dict) or not content.get("images"):
        raise ValueError(f"{file} lists no images; it has {found}. {LAYOUT}")
    return content


def _index(rows: Iterable[Any], file: Path, what: str) -> dict[int, dict]:
    """Rows by their id."""
    index = {}
    for row in rows:
        key = row.get("id") if isinstance(row, dict) else None
        if not isinstance(key, int):
            raise ValueError(f"{file}: {what} {row!r:.100} has no integer id")
        if key in index:
            raise ValueError(f"{file}: {what} id {key} is not unique")
        index[key] = row
    return index


def _shapes_by_image(
    content: dict, file: Path, coding: LabelCoding, categories: Categories
) -> dict[int, list[Shape]] | None:
    rows = _index(content.get("annotations") or (), file, "annotation")
    if not rows:
        return None
    images = _index(content["images"], file, "image")
    grays = _gray_by_category(content, file, coding, categories)
    shapes: dict[int, list[Shape]] = {}
    for key, row in rows.items():
        source = f"{file}, annotation {key}"
        for name, listed in (("image_id", images), ("category_id", grays)):
            if row.get(name) not in listed:
                raise ValueError(f"{source}: {name} {row.get(name)!r} is not listed")
        image = images[row["image_id"]]
        shape = Shape(source, key, grays[row["category_id"]], row.get("segmentation"))
        check_shape(shape, _declared_size(image, f"{file}, image {image['id']}"))
        shapes.setdefault(row["image_id"], []).append(shape)
    return shapes


def _gray_by_category(
    content: dict, file: Path, coding: LabelCoding, categories: Categories
) -> dict[int, int]:
    rows = _index(content.get("categories") or (), file, "category")
    name_of = {key: str(row.get("name")) for key, row in rows.items()}
    if categories == "id":
        return _ids_as_grays(name_of, file, coding)
    table = categories
    if table == "taco":
        names = {name.casefold() for name in name_of.values()}
        table = {k: v for k, v in TACO_TO_TRASH.items() if k.casefold() in names}
    if isinstance(table, str):
        raise ValueError(f"categories={table!r} is not one of 'id', 'taco', a mapping")
    grays = gray_of_names(name_of.values(), coding, f"{file}, categories", table)
    return {key: grays[name] for key, name in name_of.items()}


def _ids_as_grays(
    name_of: dict[int, str], file: Path, coding: LabelCoding
) -> dict[int, int]:
    unknown = sorted(name_of.keys() - coding.gray_to_train_id.keys())
    if unknown:
        raise ValueError(
            f"{file}: category ids {unknown} are not gray values of the label coding: "
            f"{sorted(coding.gray_to_train_id)}"
        )
    if max(name_of, default=0) > 255:
        raise ValueError(f"{file}: category ids above 255 do not fit in 8 bits")
    for key, name in name_of.items():
        # TACO's ids start at 0, the usual gray value of background.
        if key == background_gray(coding, file) and not name.lower().startswith("back"):
            raise ValueError(
                f"{file}: category {key} is {name!r}, but gray value {key} is "
                f"background: match categories by name, not by id"
            )
    return {key: key for key in name_of}


def _declared_size(image: dict, source: str) -> Size:
    width, height = image.get("width"), image.get("height")
    if not (isinstance(width, int) and isinstance(height, int)):
        raise ValueError(f"{source}: width is {width!r}, height {height!r}")
    return width, height


def _entry(
    image: dict,
    part: str,
    source: str,
    src: Path,
    folder: Path,
    shapes: list[Shape] | None,
    background: int,
) -> Entry:
    if not isinstance(image.get("file_name"), str):
        raise ValueError(f"{source} has no file_name")
    place = PurePosixPath(image["file_name"].replace("\\", "/"))
    recording = recording_of(Path(place.parent), src.resolve().name)
    path = folder / place
    if not path.is_file():
        raise FileNotFoundError(
            f"{source}: {path} does not exist; set images= to the folder that "
            f"file_name {str(place)!r} is relative to"
        )
    picture, size = open_picture(path)
    declared = _declared_size(image, source)
    if size != declared:
        raise ValueError(
            f"{source}: {path} has width and height {size}, its entry has {declared}"
        )
    label = None
    if shapes is not None:
        label = partial(paint_shapes, shapes, size, background)
    item = Item(recording, 0, picture, label, part)
    return Entry(source, image["id"], image.get("date_captured"), path, item)


def _dated(entries: list[Entry]) -> list[Item] | None:
    """Items with the time of their dates; None if one is missing or not unique."""
    try:
        items = [_at(e.item, DATE, str(e.date), e.source) for e in entries]
        check_times(items)
    except ValueError:
        return None
    return items


def _numbered(entries: list[Entry], frames: TimestampFormat) -> list[Item]:
    """Items with the time of their ids; recordings are prefixed with their part."""
    items = [_at(e.item, frames, str(e.id), e.source) for e in entries]
    names = [PurePosixPath(i.split, i.recording).as_posix() for i in items]
    return [replace(i, recording=n) for i, n in zip(items, names, strict=True)]


def _at(item: Item, form: TimestampFormat, stamp: str, source: str) -> Item:
    return replace(item, timestamp=form.parse(stamp, source).timestamp)

"""COCO: a file that lists images, and annotations of them without a time."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from mmseg_splashkd.datasets.converters.class_names import (
    background_gray,
    gray_of_names,
)
from mmseg_splashkd.datasets.converters.coco_shapes import (
    Shape,
    check_shape,
    import_mask,
    paint_shapes,
)
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.pictures import (
    Picture,
    check_times,
    measure,
    recording_of,
)
from mmseg_splashkd.datasets.converters.taco import TACO_TO_TRASH
from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.datasets.split_table import SPLITS
from mmseg_splashkd.datasets.timestamps import TimestampFormat

LAYOUT = """Expected a COCO file: {"images": [{"id", "file_name", "width", "height"}],
"categories": [{"id", "name"}], "annotations": [{"id", "image_id", "category_id",
"segmentation"}]}, and the images where file_name says."""
DATE = TimestampFormat("iso8601")
Categories = str | Mapping[str, str] | None


@dataclass(frozen=True)
class Entry:
    """One image of a COCO file, and what was found of it."""

    source: str
    id: int
    part: str
    recording: str
    path: Path
    picture: Picture
    size: tuple[int, int]
    date: Any
    shapes: list[Shape] | None  # None: unlabelled


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

    Of overlapping annotations the larger is painted first, so that small things stay
    visible; of two alike in size, the one with the lower id. Size is the area of the
    mask itself: the field ``area`` is often wrong. Crowds are painted like any other.

    COCO has no time. It is ``date_captured`` where every image has one and no two of a
    recording are the same; otherwise the image's id counts as a frame number, and
    recordings of several parts, whose ids may be the same, are told apart by the part.
    A recording is the folder in ``file_name``, or ``src``.

    Args:
        src: Folder of the data set.
        coding: Label coding to paint with; what no annotation covers is background.
        annotations: A file in ``src``, or part -> file, such as
            ``{"train": "train.json", "val": "val.json"}``. The images of a file without
            any annotations are unlabelled.
        categories: How a category becomes a class. By default by its name, in whatever
            case; a mapping of category names -> classes helps where names differ, and
            ``'taco'`` is that of TACO -> recyclable trash. ``'id'``: category ids are
            gray values.
        images: Folder in ``src`` that ``file_name`` is relative to, or part -> folder.
        fps: Frame numbers a second, where ids are the time.
        start: UNIX seconds of frame number 0, where ids are the time.

    Returns:
        The frames; nothing is decoded yet.

    Raises:
        FileNotFoundError: An annotation file or an image is missing.
        ImportError: pycocotools is not installed.
        ValueError: A file is no COCO file; an image is of another size than the file
            says, or in two parts; an annotation has an unknown image or category, or no
            proper segmentation. The message names the file and the id.
    """
    import_mask()
    src, frames = Path(src), TimestampFormat("frame", fps=fps, start=start)
    parts = {"": annotations} if isinstance(annotations, str) else annotations
    if strange := sorted(parts.keys() - {"", *SPLITS}):
        raise ValueError(f"annotations has the parts {strange}, not of {SPLITS}")
    entries = []
    for part, name in parts.items():
        folder = images if isinstance(images, str) else images.get(part, ".")
        content = _load(src / name)
        shapes = _shapes_by_image(content, src / name, coding, categories)
        for key, image in _index(content["images"], src / name, "image").items():
            of_image = None if shapes is None else shapes.get(key, [])
            source = f"{src / name}, image {key}"
            entries.append(_entry(image, part, source, src, src / folder, of_image))
    _check_once(entries)
    background = background_gray(coding, src)
    return _dated(entries, background) or _numbered(entries, background, frames)


def _load(file: Path) -> dict:
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} does not exist; name it by annotations=. The folder has "
            f"{sorted(path.name for path in file.parent.glob('*.json'))}. {LAYOUT}"
        )
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{file} is no JSON: {error}") from error
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
            raise ValueError(f"{file}: {what} {row!r:.100} has no whole number as id")
        if key in index:
            raise ValueError(f"{file}: {what} id {key} stands twice")
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
        for name, known in (("image_id", images), ("category_id", grays)):
            if row.get(name) not in known:
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
        raise ValueError(f"categories={table!r} is none of 'id', 'taco', a mapping")
    grays = gray_of_names(name_of.values(), coding, f"{file}, categories", table)
    return {key: grays[name] for key, name in name_of.items()}


def _ids_as_grays(
    name_of: dict[int, str], file: Path, coding: LabelCoding
) -> dict[int, int]:
    strange = sorted(name_of.keys() - coding.gray_to_train_id.keys())
    if strange:
        raise ValueError(
            f"{file}: category ids {strange} are no gray values of the label map: "
            f"{sorted(coding.gray_to_train_id)}"
        )
    if max(name_of, default=0) > 255:
        raise ValueError(f"{file}: category ids above 255 do not fit in 8 bits")
    for key, name in name_of.items():
        # TACO counts from 0; trash painted as background would go unnoticed.
        if key == background_gray(coding, file) and not name.lower().startswith("back"):
            raise ValueError(
                f"{file}: category {key} is {name!r}, but gray value {key} is "
                f"background: match categories by name, not by id"
            )
    return {key: key for key in name_of}


def _declared_size(image: dict, source: str) -> tuple[int, int]:
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
) -> Entry:
    if not isinstance(image.get("file_name"), str):
        raise ValueError(f"{source} has no file_name")
    place = PurePosixPath(image["file_name"].replace("\\", "/"))
    recording = recording_of(Path(place.parent), src.resolve().name)
    path = folder / place
    if not path.is_file():
        raise FileNotFoundError(
            f"{source}: {path} does not exist; images= names the folder that file_name "
            f"{str(place)!r} is relative to"
        )
    picture, size = measure(path)
    declared = _declared_size(image, source)
    if size != declared:
        raise ValueError(
            f"{source}: {path} has width and height {size}, the file says {declared}"
        )
    date = image.get("date_captured")
    key = image["id"]
    return Entry(source, key, part, recording, path, picture, size, date, shapes)


def _check_once(entries: list[Entry]) -> None:
    seen: dict[Path, Entry] = {}
    for entry in entries:
        if (first := seen.setdefault(entry.path, entry)) is not entry:
            raise ValueError(f"{entry.path} is both {first.source} and {entry.source}")


def _dated(entries: list[Entry], background: int) -> list[Item] | None:
    """Items by their dates; None where a date is missing or stands twice."""
    try:
        items = [
            _item(
                entry,
                entry.recording,
                DATE.parse(str(entry.date), entry.source).timestamp,
                background,
            )
            for entry in entries
        ]
        check_times(items)
    except ValueError:
        return None
    return items


def _numbered(
    entries: list[Entry], background: int, frames: TimestampFormat
) -> list[Item]:
    return [
        _item(
            entry,
            f"{entry.part}/{entry.recording}" if entry.part else entry.recording,
            frames.parse(str(entry.id), entry.source).timestamp,
            background,
        )
        for entry in entries
    ]


def _item(entry: Entry, recording: str, timestamp: int, background: int) -> Item:
    label = None
    if entry.shapes is not None:
        label = partial(paint_shapes, entry.shapes, entry.size, background)
    return Item(recording, timestamp, entry.picture, label, entry.part)

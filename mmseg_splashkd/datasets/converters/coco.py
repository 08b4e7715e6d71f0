"""COCO data sets: annotation files that list images without time stamps."""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from mmengine.logging import print_log

from mmseg_splashkd.datasets.converters.bad_labels import Label, label_or_bad
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
from mmseg_splashkd.datasets.converters.coco_times import Entry, with_times
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import (
    index_unique,
)
from mmseg_splashkd.datasets.converters.pictures import (
    Picture,
    Size,
    open_picture,
    recording_of,
)
from mmseg_splashkd.datasets.converters.taco import TACO_TO_TRASH
from mmseg_splashkd.datasets.image_file import read_header
from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.datasets.split_table import SPLITS
from mmseg_splashkd.extras import import_extra
from mmseg_splashkd.foreign import read_json, reading

LAYOUT = """Expected a COCO file: {"images": [{"id", "file_name", "width", "height"}],
"categories": [{"id", "name"}], "annotations": [{"id", "image_id", "category_id",
"segmentation"}]}, and the images at the paths in file_name."""
Categories = str | Mapping[str, str] | None
Timestamp = str | Mapping[str, Any]


def read_coco(
    src: str | Path,
    coding: LabelCoding,
    annotations: str | Mapping[str, str] = "train.json",
    categories: Categories = None,
    images: str | Mapping[str, str] = ".",
    timestamp: Timestamp | None = None,
    fps: float | str | None = None,
    start: int | None = None,
    skip_bad: bool = False,
) -> list[Item]:
    """Read a data set with COCO annotations.

    Overlapping annotations are painted from the largest to the smallest, so that small
    objects stay visible; equal sizes in the order of their ids. Size is the area of the
    rasterized mask, as the field ``area`` is often wrong. Crowds are painted like other
    annotations.

    COCO has no time stamps. If all names are times in one certain format, or all images
    have a date in ``date_captured``, and both agree, that is the time. Otherwise it is
    the image's id, read as a frame number, with a warning; recordings are then prefixed
    with their part, as parts may share ids. A recording is the folder in ``file_name``,
    or ``src``.

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
        timestamp: Origin of the time: a format of the stem of ``file_name`` (``'none'``
            for photos), ``'date'`` for ``date_captured``, ``'id'``; None (default)
            chooses as described above.
        fps: Frames per second, if ids are frame numbers; 1 by default.
        start: UNIX seconds of frame number 0, if ids are frame numbers; 0 by default.
        skip_bad: Leave out the labels of images with an invalid annotation, and
            annotations of images that are not listed, with a warning; by default either
            is an error.

    Returns:
        The frames; no pixels are decoded yet.

    Raises:
        FileNotFoundError: An annotation file or an image is missing.
        ImportError: pycocotools is not installed.
        ValueError: A file is not in COCO format; an image differs in size from its
            entry, or is listed twice; an annotation has an unknown image or category,
            or an invalid segmentation; or the time of an image is missing or
            contradictory. The message names the file and the id.
    """
    import_extra(*MASK)  # fail before anything is read
    src = Path(src)
    parts = {"": annotations} if isinstance(annotations, str) else annotations
    if unknown := sorted(parts.keys() - {"", *SPLITS}):
        raise ValueError(f"annotations has the parts {unknown}, not of {SPLITS}")
    entries, background = [], background_gray(coding, src)
    for part, name in parts.items():
        folder = images if isinstance(images, str) else images.get(part, ".")
        with reading(src / name, "COCO file"):
            content = _load(src / name)
            shapes = _shapes_by_image(content, src / name, coding, categories, skip_bad)
            for key, image in _index(content["images"], src / name, "image").items():
                of_image = None if shapes is None else shapes.get(key, [])
                source = f"{src / name}, image {key}"
                entries.append(
                    _entry(
                        image,
                        part,
                        source,
                        src,
                        src / folder,
                        partial(_paint, of_image, background=background),
                        skip_bad,
                    )
                )
    index_unique(((e.path, e.source) for e in entries), "are one image file")
    _warn_of_orientations(entries)
    return with_times(entries, timestamp, fps, start)


def _load(file: Path) -> dict:
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} does not exist; set annotations=. The folder has "
            f"{sorted(path.name for path in file.parent.glob('*.json'))}. {LAYOUT}"
        )
    content = read_json(file, "COCO file")
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
    content: dict,
    file: Path,
    coding: LabelCoding,
    categories: Categories,
    skip_bad: bool,
) -> dict[int, list[Shape | str]] | None:
    """Annotations by image; in place of an invalid one its problem, if skipped."""
    rows = _index(content.get("annotations") or (), file, "annotation")
    if not rows:
        return None
    images = _index(content["images"], file, "image")
    grays = _gray_by_category(content, file, coding, categories)
    shapes: dict[int, list[Shape | str]] = {}
    absent = []
    for key, row in rows.items():
        source = f"{file}, annotation {key}"
        try:
            if row.get("image_id") not in images:
                absent.append(key)
                raise ValueError(
                    f"{source}: image_id {row.get('image_id')!r} is not listed"
                )
            shape = _shape(row, key, source, images[row["image_id"]], file, grays)
        except ValueError as error:
            if not skip_bad:
                raise
            shape = str(error)
        if row.get("image_id") in images:
            shapes.setdefault(row["image_id"], []).append(shape)
    if absent:
        print_log(
            f"{file}: {len(absent)} annotations of images that are not listed are left "
            f"out, such as {absent[0]}",
            "current",
            logging.WARNING,
        )
    return shapes


def _shape(
    row: dict, key: int, source: str, image: dict, file: Path, grays: dict[int, int]
) -> Shape:
    if row.get("category_id") not in grays:
        raise ValueError(
            f"{source}: category_id {row.get('category_id')!r} is not listed"
        )
    shape = Shape(source, key, grays[row["category_id"]], row.get("segmentation"))
    check_shape(shape, _declared_size(image, f"{file}, image {image['id']}"))
    return shape


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
    paint: Callable[[Size], Label | None],
    skip_bad: bool,
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

    def make_label(size: Size) -> Label | None:
        if size != _declared_size(image, source):
            declared = _declared_size(image, source)
            raise ValueError(
                f"{source}: {path} has width and height {size}, its entry has "
                f"{declared}{_turned(picture, size, declared)}"
            )
        return paint(size)

    label = label_or_bad(partial(make_label, size), skip_bad) if size else None
    item = Item(recording, 0, picture, label, part, place.as_posix())
    return Entry(source, image["id"], image.get("date_captured"), path, item)


def _turned(picture: Picture, size: Size, declared: Size) -> str:
    """Explanation for a size that an EXIF orientation has swapped."""
    if isinstance(picture, Path) or declared != size[::-1]:
        return ""
    return (
        ": it was annotated without its EXIF orientation, so that the annotations lie "
        "on their side; save the turned pixels without that tag and annotate these"
    )


def _paint(
    shapes: list[Shape | str] | None, size: Size, background: int
) -> Label | None:
    if shapes is None:
        return None
    for problem in shapes:
        if isinstance(problem, str):
            raise ValueError(problem)
    valid = [shape for shape in shapes if isinstance(shape, Shape)]
    return partial(paint_shapes, valid, size, background)


def _warn_of_orientations(entries: list[Entry]) -> None:
    """Tell of pictures whose size does not show whether they were annotated upright."""
    turned = [e for e in entries if not isinstance(e.item.image, Path) and e.item.label]
    unsure = [e.path for e in turned if _keeps_size(e.path)]
    if unsure:
        print_log(
            f"{len(unsure)} pictures have an EXIF orientation that keeps their width "
            f"and height, such as {unsure[0]}: their annotations are taken to be drawn "
            f"on the upright picture",
            "current",
            logging.WARNING,
        )


def _keeps_size(path: Path) -> bool:
    header = read_header(path, "picture")
    return header.orientation < 5 or header.size[0] == header.size[1]

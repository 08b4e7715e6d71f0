"""CVAT's colour masks, and the choice between mask formats."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_splashkd.datasets.converters.class_names import (
    background_gray,
    gray_of_names,
)
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.label_studio import (
    find_masks,
    read_label_studio,
)
from mmseg_splashkd.datasets.converters.label_studio_tasks import find_tasks
from mmseg_splashkd.datasets.converters.layout import (
    check_choice,
    describe_contents,
    index_unique,
)
from mmseg_splashkd.datasets.converters.pictures import (
    Label,
    Size,
    check_times,
    find_pictures,
    picture_item,
)
from mmseg_splashkd.datasets.image_file import open_image
from mmseg_splashkd.datasets.label_coding import LabelCoding, colours_to_ids
from mmseg_splashkd.datasets.listing import is_system_file
from mmseg_splashkd.datasets.timestamps import TimestampFormat, timestamp_format
from mmseg_splashkd.files import read_text
from mmseg_splashkd.foreign import reading

LAYOUT = """Expected one of
  CVAT, Segmentation mask 1.1:
    labelmap.txt            lines <class>:<r>,<g>,<b>:<parts>:<actions>
    SegmentationClass/      masks <name>.png in these colours
    JPEGImages/             pictures of the same names, or images= names their folder
  CVAT, CamVid 1.0:
    label_colors.txt        lines <r> <g> <b> <class>
    <part>/, <part>annot/   pictures, and masks <the same name>.png in these colours
  Label Studio, JSON (brushes, polygons, ellipses, rectangles):
    *.json                  its JSON export, which lists the picture of each task
    images/                 the pictures, or images= names their folder
    task-<id>-annotation-<id>-by-<user>-<tag>-<class>-<number>.png
                            Brush labels to PNG, if the JSON lacks the brushes"""
SPLIT_OF = {"train": "train", "val": "val", "validation": "val", "test": "test"}
Spec = str | Mapping[str, Any] | TimestampFormat
Colour = tuple[int, int, int]
ReadLine = Callable[[str], tuple[str, Colour]]


@dataclass(frozen=True)
class ColourMask:
    """Label of one picture, converted from a colour mask when called.

    Args:
        path: RGB mask.
        grays: RGB colour -> gray value in [0, 255].
        table: File that lists the colours.
    """

    path: Path
    grays: Mapping[Colour, int]
    table: Path

    def __call__(self) -> np.ndarray:
        """Return (H, W) uint8 gray values.

        Raises:
            ValueError: The mask cannot be read, or has a colour of no class.
        """
        colours = dict(enumerate(self.grays))
        source = f"{self.path} (classes of {self.table})"
        ids = colours_to_ids(read_colours(self.path), colours, source)
        return np.array([*self.grays.values()], np.uint8)[ids]


def read_colours(path: Path) -> np.ndarray:
    """Read the colours of a mask.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: The mask is damaged or partly transparent.
    """
    with open_image(path, "mask") as mask:
        rgba = np.asarray(mask.convert("RGBA"))
    if clear := int((rgba[..., 3] < 255).sum()):
        raise ValueError(
            f"mask {path} is transparent in {clear} pixels, whose class is unknown: "
            f"save it without transparency"
        )
    return rgba[..., :3]


def read_masks(
    src: str | Path,
    coding: LabelCoding,
    timestamp: Spec = "seconds-nanoseconds",
    names: Mapping[str, str] | None = None,
    images: str | Path | None = None,
    tasks: str | Path | None = None,
    without_mask: str = "unlabelled",
    annotator: str | None = None,
    annotation: str | None = None,
    image_key: str | None = None,
    skip_bad: bool = False,
) -> list[Item]:
    """Read an export of an annotation tool; the format is detected.

    Args:
        src: The unpacked export: CVAT's "Segmentation mask 1.1" or "CamVid 1.0", or
            Label Studio's JSON, with or without brush labels as PNG.
        coding: Label coding of the written labels; classes are matched by name.
        timestamp: Format of the time in the stems of the pictures.
        names: Foreign class -> class of the coding or ``'ignore'``, for names that
            differ.
        images: Folder of the pictures, relative to ``src`` or absolute, if they are not
            in the export.
        tasks: Label Studio's JSON export, or a JSON object of task id -> picture,
            relative to ``src`` or absolute; by default the only ``*.json`` in ``src``.
        without_mask: Meaning of a picture without a mask (CVAT writes no mask if
            nothing is annotated): ``'unlabelled'`` (default), or ``'background'`` if
            all pictures were reviewed.
        annotator: Label Studio: id or e-mail of a person whose annotations alone count.
        annotation: Label Studio: which of several annotations of a task is followed,
            ``'latest'`` or ``'ground-truth'``; None (default) refuses several.
        image_key: Label Studio: field of a task's data that names the picture, if
            several do.
        skip_bad: Leave out labels that cannot be read; by default they are an error.

    Returns:
        The frames; no pixels are decoded yet.

    Raises:
        FileNotFoundError: ``src`` has another layout, or a picture is missing.
        ValueError: A class is not in the coding, a name has no time stamp, two frames
            have the same time, or an argument is invalid.
    """
    src, timestamp = Path(src), timestamp_format(timestamp)
    check_choice("without_mask", without_mask, ("unlabelled", "background"))
    studio: dict[str, Any] = {
        "tasks": tasks,
        "annotator": annotator,
        "annotation": annotation,
        "image_key": image_key,
    }
    if src.is_dir() and _is_label_studio(src, tasks):
        if without_mask != "unlabelled":
            raise ValueError(
                "without_mask= is of CVAT: in Label Studio, a task that was submitted "
                "without regions is background"
            )
        studio["tasks"] = file = find_tasks(src, tasks)
        with reading(file, "export"):
            return read_label_studio(
                src, coding, timestamp, names, images, skip_bad=skip_bad, **studio
            )
    if unused := [name for name, value in studio.items() if value is not None]:
        raise ValueError(f"{unused} are of Label Studio; {src} is not its export")
    file, read_line, folders = _layout(src, images)
    grays = _grays(src / file, read_line, coding, names)
    fill = background_gray(coding, src) if without_mask == "background" else None
    splits = _listed_splits(src / "ImageSets" / "Segmentation")
    items, listed = [], set()
    for pictures, masks, part in folders:
        mask_of = _masks(masks)
        found = _pictures(pictures, mask_of)
        listed |= found.keys()
        for key, path in found.items():
            label = partial(_label, mask_of.get(key), grays, src / file, fill)
            split, _ = splits.get(key, ("", None))
            split = split or SPLIT_OF.get(part.lower(), "")
            default = src.resolve().name
            items.append(
                picture_item(path, pictures, timestamp, default, label, split=split)
            )
    check_times(items)
    if absent := sorted(splits.keys() - listed):
        raise ValueError(
            f"{splits[absent[0]][1]} lists {len(absent)} pictures that do not exist, "
            f"such as {absent[0]!r:.200}: the export is incomplete"
        )
    return items


def _is_label_studio(src: Path, tasks: str | Path | None) -> bool:
    cvat = (src / "SegmentationClass").is_dir() or any(src.glob("*annot"))
    exports = [p for p in src.glob("*.json") if not is_system_file(p.name)]
    return bool(find_masks(src) or tasks or (exports and not cvat))


def _masks(folder: Path) -> dict[str, Path]:
    """Masks by the name that they share with their pictures.

    Raises:
        ValueError: Two have one name, or a picture is no PNG: JPEG changes colours.
    """
    found = find_pictures(folder)
    if others := [path for path in found if path.suffix.lower() != ".png"]:
        raise ValueError(
            f"{others[0]} is no PNG, and so are {len(others)} of {len(found)} masks: "
            f"export masks as PNG"
        )
    entries = ((_key(path, folder), path) for path in found)
    return index_unique(entries, "are one mask twice")


def _layout(
    src: Path, images: str | Path | None
) -> tuple[str, ReadLine, list[tuple[Path, Path, str]]]:
    """File of class colours, parser of its lines; pictures, masks and part."""
    if (src / "SegmentationClass").is_dir():
        pictures = src / (images or "JPEGImages")
        folders = [(pictures, src / "SegmentationClass", "")]
        return "labelmap.txt", _read_labelmap, folders
    annotated = sorted(src.glob("*annot")) if src.is_dir() else []
    parts = [folder.name.removesuffix("annot") for folder in annotated]
    folders = [(src / part, src / f"{part}annot", part) for part in parts if part]
    folders = [folder for folder in folders if folder[0].is_dir()]
    if not folders:
        xml = (src / "annotations.xml").is_file()
        hint = (
            "annotations.xml is 'CVAT for images', which is not read: " if xml else ""
        )
        hint += "export 'Segmentation mask 1.1'. " if xml else ""
        raise FileNotFoundError(f"{describe_contents(src)}. {hint}{LAYOUT}")
    return "label_colors.txt", _read_label_colours, folders


def _key(path: Path, root: Path) -> str:
    return path.relative_to(root).with_suffix("").as_posix()


def _pictures(folder: Path, mask_of: Mapping[str, Path]) -> dict[str, Path]:
    """Pictures by the name that they share with their masks."""
    entries = ((_key(path, folder), path) for path in find_pictures(folder))
    found = index_unique(entries, "are one picture twice")
    if not found:
        raise FileNotFoundError(f"no pictures; {describe_contents(folder)}. {LAYOUT}")
    if unmatched := sorted(mask_of.keys() - found.keys()):
        raise FileNotFoundError(
            f"{len(unmatched)} masks have no picture in {folder}, the first is "
            f"{mask_of[unmatched[0]]}; images= names the folder of pictures"
        )
    return found


def _label(
    mask: Path | None,
    grays: Mapping[Colour, int],
    table: Path,
    fill: int | None,
    size: Size,
) -> Label | None:
    if mask is not None:
        return ColourMask(mask, grays, table)
    return None if fill is None else partial(np.full, size[::-1], fill, np.uint8)


def _listed_splits(folder: Path) -> dict[str, tuple[str, Path]]:
    """Name of a picture -> split and list, from the lists of an export."""
    splits: dict[str, tuple[str, Path]] = {}
    for path in sorted(folder.glob("*.txt")):
        if is_system_file(path.name):
            continue
        split = SPLIT_OF.get(path.stem.lower(), "")
        with reading(path, "list"):
            for name in filter(None, map(str.strip, read_text(path).splitlines())):
                first, _ = splits.setdefault(name, (split, path))
                if first != split:
                    raise ValueError(
                        f"{path}: {name!r} is in the parts {first!r} and {split!r}"
                    )
    return splits


# Class colours


def _grays(
    file: Path,
    read: ReadLine,
    coding: LabelCoding,
    names: Mapping[str, str] | None,
) -> dict[Colour, int]:
    """RGB colour -> gray value."""
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} does not exist; {describe_contents(file.parent)}. {LAYOUT}"
        )
    with reading(file, "colours of classes"):
        return _read_grays(file, read, coding, names)


def _read_grays(
    file: Path,
    read: ReadLine,
    coding: LabelCoding,
    names: Mapping[str, str] | None,
) -> dict[Colour, int]:
    colours: dict[str, Colour] = {}
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            name, colour = read(line)
        except ValueError as error:
            raise ValueError(f"{file}, line {number}: {line!r}: {error}") from error
        colours[name] = colour
    gray_of = gray_of_names(colours, coding, file, names)
    grays: dict[Colour, int] = {}
    for name, colour in colours.items():
        if grays.setdefault(colour, gray_of[name]) != gray_of[name]:
            raise ValueError(f"{file}: {name!r} shares its colour with another class")
    return grays


def _read_labelmap(line: str) -> tuple[str, Colour]:
    """Parse ``<class>:<r>,<g>,<b>:<parts>:<actions>``."""
    name, colour, *_ = line.rsplit(":", 3)
    return name.strip(), _colour(colour.split(","))


def _read_label_colours(line: str) -> tuple[str, Colour]:
    """Parse ``<r> <g> <b> <class>``."""
    *colour, name = line.split(maxsplit=3)
    return name.strip(), _colour(colour)


def _colour(texts: list[str]) -> Colour:
    if len(texts) != 3:
        raise ValueError("expected a colour of three numbers and a class")
    red, green, blue = (int(text) for text in texts)
    return red, green, blue

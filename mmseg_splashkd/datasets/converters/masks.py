"""CVAT's colour masks, and the choice between mask formats."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.converters.class_names import (
    background_gray,
    gray_of_names,
)
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.label_studio import (
    find_masks,
    read_label_studio,
)
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
from mmseg_splashkd.datasets.label_coding import LabelCoding, colours_to_ids
from mmseg_splashkd.datasets.timestamps import TimestampFormat, timestamp_format

LAYOUT = """Expected one of
  CVAT, Segmentation mask 1.1:
    labelmap.txt            lines <class>:<r>,<g>,<b>:<parts>:<actions>
    SegmentationClass/      masks <name>.png in these colours
    JPEGImages/             pictures of the same names, or images= names their folder
  CVAT, CamVid 1.0:
    label_colors.txt        lines <r> <g> <b> <class>
    <part>/, <part>annot/   pictures, and masks <the same name>.png in these colours
  Label Studio, Brush labels to PNG:
    task-<id>-annotation-<id>-by-<user>-<tag>-<class>-<number>.png
    *.json                  its JSON export, which lists the picture of each task
    images/                 the pictures, or images= names their folder"""
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
    """

    path: Path
    grays: Mapping[Colour, int]

    def __call__(self) -> np.ndarray:
        """Return (H, W) uint8 gray values.

        Raises:
            ValueError: The mask cannot be read, or has a colour of no class.
        """
        try:
            with Image.open(self.path) as mask:
                rgb = np.asarray(mask.convert("RGB"))
        except (OSError, SyntaxError) as error:
            raise ValueError(f"mask {self.path} cannot be read: {error}") from error
        ids = colours_to_ids(rgb, dict(enumerate(self.grays)), str(self.path))
        return np.array([*self.grays.values()], np.uint8)[ids]


def read_masks(
    src: str | Path,
    coding: LabelCoding,
    timestamp: Spec = "seconds-nanoseconds",
    names: Mapping[str, str] | None = None,
    images: str | Path | None = None,
    tasks: str | Path | None = None,
    without_mask: str = "unlabelled",
) -> list[Item]:
    """Read a mask export of an annotation tool; the format is detected.

    Args:
        src: The unpacked export: CVAT's "Segmentation mask 1.1" or "CamVid 1.0", or
            Label Studio's brush labels as PNG.
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

    Returns:
        The frames; no pixels are decoded yet.

    Raises:
        FileNotFoundError: ``src`` has another layout, or a picture is missing.
        ValueError: A class is not in the coding, a name has no time stamp, two frames
            have the same time, or an argument is invalid.
    """
    src, timestamp = Path(src), timestamp_format(timestamp)
    check_choice("without_mask", without_mask, ("unlabelled", "background"))
    if src.is_dir() and find_masks(src):
        return read_label_studio(src, coding, timestamp, names, images, tasks)
    file, read_line, folders = _layout(src, images)
    grays = _grays(src / file, read_line, coding, names)
    fill = background_gray(coding, src) if without_mask == "background" else None
    splits = _listed_splits(src / "ImageSets" / "Segmentation")
    items = []
    for pictures, masks, part in folders:
        mask_of = {_key(path, masks): path for path in sorted(masks.rglob("*.png"))}
        for key, path in _pictures(pictures, mask_of).items():
            label = partial(_label, mask_of.get(key), grays, fill)
            split = splits.get(key) or SPLIT_OF.get(part.lower(), "")
            default = src.resolve().name
            items.append(
                picture_item(path, pictures, timestamp, default, label, split=split)
            )
    check_times(items)
    return items


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
        raise FileNotFoundError(f"{describe_contents(src)}. {LAYOUT}")
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
    fill: int | None,
    size: Size,
) -> Label | None:
    if mask is not None:
        return ColourMask(mask, grays)
    return None if fill is None else partial(np.full, size[::-1], fill, np.uint8)


def _listed_splits(folder: Path) -> dict[str, str]:
    """Name of a picture -> split, from the lists of an export."""
    splits = {}
    for path in sorted(folder.glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                splits[line.strip()] = SPLIT_OF.get(path.stem.lower(), "")
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
    colours: dict[str, Colour] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
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

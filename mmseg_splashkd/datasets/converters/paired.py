"""Pairs of pictures and masks in any layout of folders."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmseg_splashkd.datasets.converters.bad_labels import raise_all
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import check_choice, warn_passed_over
from mmseg_splashkd.datasets.converters.masks import read_colours
from mmseg_splashkd.datasets.converters.name_times import format_of_names
from mmseg_splashkd.datasets.converters.pictures import check_times, open_picture
from mmseg_splashkd.datasets.image_file import open_image
from mmseg_splashkd.datasets.label_coding import (
    IGNORE,
    LabelCoding,
    read_gray,
    two_values,
)
from mmseg_splashkd.datasets.pairs import Pair, Pairs, find_pairs
from mmseg_splashkd.datasets.timestamps import TimestampFormat, timestamp_format

LAYOUT = """Expected pictures and masks, told apart by names:
  images/ and masks/ (or img_dir/ and ann_dir/, images/ and labels/, ...), with
  subfolders as recordings; or one folder with a.jpg and a.png, or with a.png and
  a_mask.png. Otherwise name them: --images and --masks, or --mask-suffix."""
UNPAIRED = ("refuse", "skip", "unlabelled")
GRAY, TRAIN_IDS, BINARY, COLOURS = "gray", "train-ids", "binary", "colours"
VALUES = (GRAY, TRAIN_IDS, BINARY, COLOURS)


class ColouredError(ValueError):
    """A mask has colours where gray values are expected."""


@dataclass(frozen=True)
class MaskFile:
    """Label of one picture, converted from its mask when called.

    Args:
        path: The mask.
        values: Meaning of its values, one of ``VALUES``.
        coding: Label coding of the result.
    """

    path: Path
    values: str
    coding: LabelCoding

    def __call__(self) -> np.ndarray:
        """Return (H, W) gray values of the coding.

        Raises:
            ValueError: The mask cannot be read, or has a value without a class.
        """
        coding, source = self.coding, f"mask {self.path}"
        if self.values == COLOURS:
            return coding.to_gray(coding.from_colour(read_colours(self.path), source))
        mask = read_values(self.path)
        if self.values == GRAY:
            if mask.dtype == bool:
                mask = two_values(mask, coding.gray_to_train_id, source)
            coding.to_train_ids(mask, source)
            return mask
        return coding.to_gray(self._train_ids(mask, source))

    def _train_ids(self, mask: np.ndarray, source: str) -> np.ndarray:
        found = set(np.unique(mask).tolist())
        if self.values == BINARY:
            if len(found - {0}) > 1:
                raise ValueError(f"{source} has the values {sorted(found)}, not two")
            return (mask > 0).astype(np.uint8)
        known = {*range(len(self.coding.classes)), IGNORE}
        if unknown := sorted(found - known):
            raise ValueError(f"{source}: {unknown} are no trainIds or {IGNORE}")
        return mask.astype(np.uint8)

    def __str__(self) -> str:
        return str(self.path)


def read_values(path: Path) -> np.ndarray:
    """Read the values of a mask that is gray, also if it is stored as RGB.

    Returns:
        (H, W) of an integer type, or bool.

    Raises:
        ValueError: The mask is damaged, partly transparent or coloured.
    """
    with open_image(path, "mask") as mask:
        one_channel = len(mask.getbands()) == 1
    if one_channel:
        return read_gray(path)
    rgb = read_colours(path)
    if (rgb != rgb[..., :1]).any():
        raise ColouredError(f"mask {path} is coloured: give --values {COLOURS}")
    return rgb[..., 0]


def read_pairs(
    src: str | Path,
    coding: LabelCoding,
    timestamp: str | Mapping[str, Any] | None = None,
    recording: str | None = None,
    images: str | None = None,
    masks: str | None = None,
    mask_suffix: str | None = None,
    mask_prefix: str | None = None,
    unpaired: str = "refuse",
    values: str | None = None,
    skip_bad: bool = False,
) -> list[Item]:
    """Read pictures and their masks; see ``find_pairs`` for the layouts.

    Args:
        src: Folder of the data set.
        coding: Label coding of the written labels.
        timestamp: Format of the time in the stems of the pictures, ``'none'`` for
            photos; None (default) takes the one certain format in which all names are
            times.
        recording: Name of the recording of pictures in no folder of their own; by
            default the name of ``src``.
        images: Folder of the pictures, if names do not tell; needs ``masks``.
        masks: Folder of the masks; needs ``images``.
        mask_suffix: End of the stem of every mask, if names do not tell.
        mask_prefix: Start of the stem of every mask.
        unpaired: Pictures without a mask and masks without a picture are an error
            (``'refuse'``, the default) or left out (``'skip'``); with
            ``'unlabelled'``, such pictures are unlabelled and such masks left out.
        values: What the masks hold: ``'gray'`` values of the coding, ``'train-ids'``,
            ``'binary'`` (0 is class 0, another value class 1, for two classes) or
            ``'colours'`` of the palette. None (default) reads all masks and takes the
            only reading that fits them.
        skip_bad: Leave out labels that cannot be read; by default they are an error.

    Returns:
        The frames.

    Raises:
        FileNotFoundError: There are no pictures or no masks.
        ValueError: Files lack a partner, names tell no time, values fit no reading or
            several, or an argument is invalid.
    """
    src = Path(src)
    check_choice("unpaired", unpaired, UNPAIRED)
    if values is not None:
        check_choice("values", values, VALUES)
    found = find_pairs(src, images, masks, mask_suffix, mask_prefix)
    print_log(f"{src}: {found.layout}", "current")
    warn_passed_over(src, found.passed_over, "these are not pictures")
    kept = _partners(found, unpaired, src)
    form = _format(kept, src, timestamp)
    if values is None:
        paths = [pair.mask for pair in kept if pair.mask]
        values = _values(paths, coding, skip_bad)
    default = recording or src.resolve().name
    items = [_item(pair, src, form, default, values, coding) for pair in kept]
    check_times(items)
    return items


def _partners(found: Pairs, unpaired: str, src: Path) -> list[Pair]:
    without = [pair.image for pair in found.pairs if pair.mask is None]
    paired = [pair for pair in found.pairs if pair.mask is not None]
    if not paired:
        raise FileNotFoundError(
            f"{src}: none of {len(without)} pictures has a mask, such as {without[0]} "
            f"({found.layout}). {LAYOUT}"
        )
    lost = f"{len(without)} pictures have no mask" + _such_as(without)
    lost += f", {len(found.unpaired_masks)} masks have no picture"
    lost += _such_as(found.unpaired_masks)
    if not without and not found.unpaired_masks:
        return paired
    if unpaired == "refuse":
        raise ValueError(
            f"{src}: {lost}. --unpaired skip leaves them out; --unpaired unlabelled "
            f"keeps such pictures as unlabelled frames"
        )
    print_log(f"{src}: {lost}; --unpaired {unpaired}", "current", logging.WARNING)
    return paired if unpaired == "skip" else list(found.pairs)


def _such_as(paths: Sequence[Path]) -> str:
    return f" (such as {paths[0].name})" if paths else ""


def _format(
    pairs: Sequence[Pair], src: Path, timestamp: str | Mapping[str, Any] | None
) -> TimestampFormat:
    if timestamp is not None:
        return timestamp_format(timestamp)
    if form := format_of_names([pair.image.name for pair in pairs]):
        print_log(f"times are read from file names ({form.name})", "current")
        return form
    raise ValueError(
        f"{src}: names of pictures, such as {pairs[0].image.name}, tell no certain "
        f"time: give --timestamp none for photos, --timestamp name=frame fps=25 for "
        f"numbered frames of a video, or the format of the time"
    )


def _item(
    pair: Pair,
    src: Path,
    form: TimestampFormat,
    default: str,
    values: str,
    coding: LabelCoding,
) -> Item:
    stamp = form.parse(pair.image.stem, pair.image)
    own = pair.recording != src.resolve().name  # it lies in a folder of its own
    folder = pair.recording if own else default
    named = stamp.recording and (f"{folder}/{stamp.recording}" if own else None)
    inside = pair.image.is_relative_to(src)
    return Item(
        recording=named or stamp.recording or folder,
        timestamp=stamp.timestamp,
        image=open_picture(pair.image)[0],
        label=MaskFile(pair.mask, values, coding) if pair.mask else None,
        source=pair.image.relative_to(src).as_posix() if inside else pair.image.name,
    )


# Meaning of the values


def _values(paths: Sequence[Path], coding: LabelCoding, skip_bad: bool) -> str:
    """The only reading of all masks that fits the coding."""
    found: set[int] = set()
    bad: list[str] = []
    for path in paths:
        try:
            own = _found(path, coding)
        except ValueError as error:
            bad.append(str(error))
            continue
        if own is None:
            return COLOURS
        found |= own
    if not skip_bad:
        raise_all(bad, "masks cannot be converted")
    reading = _reading(found, coding)
    if reading != GRAY:
        meaning = {TRAIN_IDS: "trainIds", BINARY: "class 0 and class 1"}[reading]
        print_log(f"values {sorted(found)} of the masks are {meaning}", "current")
    return reading


def _found(path: Path, coding: LabelCoding) -> set[int] | None:
    """Values of a mask; None if it is coloured."""
    try:
        mask = read_values(path)
    except ColouredError:
        return None
    if mask.dtype == bool:
        mask = two_values(mask, coding.gray_to_train_id, f"mask {path}")
    return set(np.unique(mask).tolist())


def _reading(found: set[int], coding: LabelCoding) -> str:
    table, count = coding.gray_to_train_id, len(coding.classes)
    binary = count == 2 and 0 in found and len(found) == 2
    remedy = f"say what masks hold: --values {', '.join(VALUES)}"
    if coding.unknown is not None or found <= table.keys():
        classes = {table.get(value, coding.unknown) for value in found} - {IGNORE}
        if binary and len(classes) < 2:
            raise ValueError(
                f"all masks together have the values {sorted(found)}, which the label "
                f"coding reads as the trainIds "
                f"{[table.get(v, coding.unknown) for v in sorted(found)]} ({IGNORE}: "
                f"ignored): {remedy}"
            )
        return GRAY
    foreground = found & set(range(1, count))
    if foreground and found <= {*range(count), IGNORE}:
        return TRAIN_IDS
    if binary:
        return BINARY
    raise ValueError(
        f"values {sorted(found)[:20]} of the masks are neither gray values of the "
        f"label coding, {sorted(table)[:20]}, nor trainIds below {count}: {remedy}, or "
        f"give a label coding with these values"
    )

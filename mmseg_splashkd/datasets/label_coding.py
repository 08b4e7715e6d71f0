"""Label coding: gray value in the label file <-> trainId <-> colour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_splashkd.datasets.image_file import open_image
from mmseg_splashkd.foreign import read_yaml, reading

IGNORE = 255
GRAYS = 2**16
CODINGS = files("mmseg_splashkd.datasets") / "label_codings"
UNKNOWN = 254  # not a trainId: marks values outside the table
Colour = Sequence[int]


@dataclass(frozen=True)
class LabelCoding:
    """Classes, colours and label values of one data set.

    Args:
        classes: C different class names, 1 to 253; the index is the trainId.
        palette: C different colours (R, G, B) in [0, 255].
        gray_to_train_id: Gray value in the label file, in [0, 65535] -> trainId in
            [0, C) or 255 (ignored).
        unknown: trainId or 255 for all values outside ``gray_to_train_id``; default
            None: such a value is an error.
        train_id_to_gray: trainId -> gray value to write, if several are mapped to it;
            default the lowest.
        ignore_colour: (R, G, B) of ignored pixels, different from all classes; default
            black.

    Raises:
        ValueError: A table is invalid or contradicts another one.
    """

    classes: Sequence[str]
    palette: Sequence[Colour]
    gray_to_train_id: Mapping[int, int]
    unknown: int | None = None
    train_id_to_gray: Mapping[int, int] = field(default_factory=dict)
    ignore_colour: Colour = (0, 0, 0)

    def __post_init__(self) -> None:
        count = len(self.classes)
        if not 0 < count < UNKNOWN or len(set(self.classes)) < count:
            raise ValueError(
                f"classes must be 1 to {UNKNOWN - 1} different names: {self.classes}"
            )
        table = check_table(self.gray_to_train_id, count)
        ignores = IGNORE in (*table.values(), self.unknown)
        _check_colours(self.palette, self.ignore_colour if ignores else None, count)
        if self.unknown is not None and not _is_train_id(self.unknown, count):
            raise ValueError(
                f"unknown={self.unknown}: give a trainId in [0, {count}) or {IGNORE}"
            )
        chosen = _integers(self.train_id_to_gray, "train_id_to_gray")
        for train_id, gray in chosen.items():
            if table.get(gray) != train_id:
                raise ValueError(
                    f"train_id_to_gray paints trainId {train_id} with gray {gray}, "
                    f"which gray_to_train_id reads as {table.get(gray, 'unknown')}"
                )
        for name, value in (
            ("classes", tuple(self.classes)),
            ("palette", tuple(tuple(map(int, colour)) for colour in self.palette)),
            ("gray_to_train_id", table),
            ("train_id_to_gray", chosen),
            ("ignore_colour", tuple(map(int, self.ignore_colour))),
        ):
            object.__setattr__(self, name, value)

    @property
    def metainfo(self) -> dict[str, Any]:
        """Classes and palette in the form of an MMSegmentation data set."""
        return {"classes": self.classes, "palette": [list(c) for c in self.palette]}

    def to_train_ids(self, gray: np.ndarray, source: str) -> np.ndarray:
        """Map gray values to trainIds; see ``to_train_ids``."""
        return to_train_ids(gray, self.gray_to_train_id, source, self.unknown)

    def to_gray(self, train_ids: np.ndarray) -> np.ndarray:
        """Map trainIds to gray values; ``to_train_ids`` is the inverse.

        Args:
            train_ids: (H, W) integers: trainIds or 255.

        Returns:
            (H, W) gray values: uint8, or uint16 if a gray value exceeds 255.

        Raises:
            ValueError: A trainId has no gray value.
        """
        lowest = {i: gray for gray, i in sorted(self.gray_to_train_id.items())[::-1]}
        back = lowest | dict(self.train_id_to_gray)
        _check_complete(train_ids, back, "gray value in gray_to_train_id")
        wide = max(back.values()) > 255
        table = np.zeros(256, np.uint16 if wide else np.uint8)
        table[list(back)] = list(back.values())
        return table[train_ids]

    def to_colour(self, train_ids: np.ndarray) -> np.ndarray:
        """Map trainIds to colours; ``from_colour`` is the inverse.

        Args:
            train_ids: (H, W) integers: trainIds or 255.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            ValueError: A value is neither a trainId nor 255.
        """
        colours = self._colours()
        _check_complete(train_ids, colours, "colour in the palette")
        table = np.zeros((256, 3), np.uint8)
        table[list(colours)] = list(colours.values())
        return table[train_ids]

    def from_colour(self, rgb: np.ndarray, source: str) -> np.ndarray:
        """Map colours to trainIds.

        Args:
            rgb: (H, W, 3) uint8 RGB.
            source: Name of the file for error messages.

        Returns:
            (H, W) uint8 trainIds; 255 for ``ignore_colour``.

        Raises:
            ValueError: ``rgb`` has another shape or dtype, or a colour that belongs to
                no class.
        """
        return colours_to_ids(rgb, self._colours(), source)

    def _colours(self) -> dict[int, Colour]:
        colours = dict(enumerate(self.palette))
        if self.ignore_colour in colours.values():  # only if no value is ignored
            return colours
        return {**colours, IGNORE: self.ignore_colour}

    def class_pixels(self, train_ids: np.ndarray) -> np.ndarray:
        """Count the pixels of each class.

        Args:
            train_ids: (H, W) uint8: trainIds or 255.

        Returns:
            (C,) int64 pixel counts, without ignored pixels.
        """
        rows = (np.bincount(row, minlength=IGNORE + 1) for row in train_ids)
        # By row: bincount makes a copy with 8 bytes a pixel.
        counts = sum(rows, np.zeros(IGNORE + 1, np.int64))
        return counts[: len(self.classes)]


def load_label_coding(
    spec: str | Path | Mapping[str, Any] | LabelCoding,
) -> LabelCoding:
    """Load a label coding.

    Args:
        spec: Name of a built-in coding (splash, camvid, cityscapes, trash, wildscenes),
            path of a YAML file, or a mapping; a file or mapping has the arguments of
            ``LabelCoding``.

    Raises:
        FileNotFoundError: There is no such name or file.
        ValueError: The content is not a valid label coding.
    """
    if isinstance(spec, LabelCoding):
        return spec
    if isinstance(spec, Mapping):
        return _build(dict(spec), "label_coding")
    path = Path(spec)
    builtin = sorted(f.name[:-5] for f in CODINGS.iterdir() if f.name.endswith(".yaml"))
    source = CODINGS / f"{spec}.yaml" if spec in builtin else path
    if not source.is_file():
        raise FileNotFoundError(
            f"label_coding={str(spec)!r} is neither one of {builtin} nor a YAML file"
        )
    with reading(str(spec), "label_coding"):
        content = read_yaml(Path(str(source)), "label_coding")
        return _build(content, f"label_coding {spec}")


def _build(content: Any, source: str) -> LabelCoding:
    if not isinstance(content, dict):
        raise ValueError(f"{source}: expected classes, palette and gray_to_train_id")
    try:
        return LabelCoding(**content)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source}: {error}") from error


def _check_colours(palette: Any, ignore_colour: Any, count: int) -> None:
    if len(palette) != count:
        raise ValueError(f"palette has {len(palette)} colours for {count} classes")
    owners = {}
    named = [] if ignore_colour is None else [("ignore_colour", ignore_colour)]
    for what, colour in (*enumerate(palette), *named):
        valid = len(colour) == 3 and all(0 <= int(value) <= 255 for value in colour)
        if not valid:
            raise ValueError(f"colour of {what} must be three values in [0, 255]")
        if (first := owners.setdefault(tuple(map(int, colour)), what)) != what:
            remedy = ": set another ignore_colour" if what == "ignore_colour" else ""
            raise ValueError(
                f"{first} and {what} have the same colour {list(colour)}{remedy}"
            )


def _integers(table: Mapping[Any, Any], name: str) -> dict[int, int]:
    """Convert keys and values to int; the command line gives strings."""
    try:
        return {int(key): int(value) for key, value in table.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must map integers to integers, got {table}"
        ) from error


def _is_train_id(value: int, num_classes: int) -> bool:
    return 0 <= value < num_classes or value == IGNORE


def check_table(
    gray_to_train_id: Mapping[int, int], num_classes: int
) -> dict[int, int]:
    """Validate a table of gray values and convert its keys and values to int.

    Args:
        gray_to_train_id: Gray value -> trainId or 255.
        num_classes: Number of classes.

    Raises:
        ValueError: A gray value is not an integer in [0, 65535], or a trainId is
            neither in [0, num_classes) nor 255.
    """
    table = _integers(gray_to_train_id, "gray_to_train_id")
    for gray, train_id in table.items():
        if not (0 <= gray < GRAYS and _is_train_id(train_id, num_classes)):
            raise ValueError(
                f"gray_to_train_id maps {gray} to {train_id}: gray values lie in "
                f"[0, {GRAYS - 1}], trainIds in [0, {num_classes}) or are {IGNORE} "
                f"(ignored)"
            )
    return table


def read_gray(path: Path | str) -> np.ndarray:
    """Read the stored values of a label file.

    Returns:
        (H, W) uint8 or uint16: gray values, or the indices of a palette PNG; bool for
        a 1-bit file, which ``to_train_ids`` reads as the table expects. Other shapes
        and dtypes are returned as stored; ``to_train_ids`` refuses them.

    Raises:
        ValueError: The file is missing or damaged.
    """
    with open_image(path, "label") as label:
        pixels = np.asarray(label)
    # Pillow reads 16-bit files in one of several dtypes.
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize > 1:
        fits = pixels.size and pixels.min() >= 0 and pixels.max() < GRAYS
        return pixels.astype(np.uint16) if fits else pixels
    return pixels


def two_values(
    mask: np.ndarray, gray_to_train_id: Mapping[int, int], source: str
) -> np.ndarray:
    """Gray values of a 1-bit label, whose true pixels may stand for 1 or for 255.

    Args:
        mask: (H, W) bool.
        gray_to_train_id: Gray value -> trainId or 255 (ignored).
        source: Name of the label file for error messages.

    Returns:
        (H, W) uint8: 0 and 1, or 0 and 255 if the table has 255 and not 1.

    Raises:
        ValueError: The table has both, with different trainIds.
    """
    one, white = (gray_to_train_id.get(value) for value in (1, 255))
    if one is not None and white is not None and one != white and mask.any():
        raise ValueError(
            f"{source} has 1 bit a pixel, and its true pixels may stand for the gray "
            f"value 1 (trainId {one}) or 255 (trainId {white}): save it with 8 bits"
        )
    true = 255 if one is None and white is not None else 1
    return mask.astype(np.uint8) * np.uint8(true)


def to_train_ids(
    gray: np.ndarray,
    gray_to_train_id: Mapping[int, int],
    source: str,
    unknown: int | None = None,
) -> np.ndarray:
    """Map gray values to trainIds.

    Args:
        gray: (H, W) uint8 or uint16 gray values, or bool (see ``two_values``).
        gray_to_train_id: Gray value in [0, 65535] -> trainId or 255 (ignored).
        source: Name of the label file for error messages.
        unknown: trainId or 255 for values outside the table; default None: such values
            are an error.

    Returns:
        (H, W) uint8 trainIds or 255.

    Raises:
        ValueError: ``gray`` is not a one-channel uint8 or uint16 map, or has a value
            outside the table.
    """
    if gray.dtype == bool:
        gray = two_values(gray, gray_to_train_id, source)
    if gray.ndim != 2 or gray.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"{source}: expected a one-channel 8-bit or 16-bit label map, "
            f"got shape {gray.shape} and dtype {gray.dtype}"
        )
    table = np.full(np.iinfo(gray.dtype).max + 1, UNKNOWN, np.uint8)
    for value, train_id in gray_to_train_id.items():
        if value < len(table):
            table[value] = train_id
    # cv2.LUT is three times as fast, but takes only non-empty 8-bit arrays.
    small = gray.dtype == np.uint8 and gray.size
    train_ids = cv2.LUT(gray, table) if small else table.take(gray)
    outside = train_ids == UNKNOWN
    if not outside.any():
        return train_ids
    if unknown is None:
        raise ValueError(_describe_unknown(gray[outside], gray_to_train_id, source))
    train_ids[outside] = unknown
    return train_ids


def _describe_unknown(values: np.ndarray, table: Mapping[int, int], source: str) -> str:
    distinct, counts = np.unique(values, return_counts=True)
    pairs = list(zip(distinct, counts, strict=True))[:5]
    listed = ", ".join(f"{value} ({count} pixels)" for value, count in pairs)
    return (
        f"{source}: label values outside the table: {listed}; the table has "
        f"{sorted(table)}. Correct the label, add the value to gray_to_train_id (255 "
        f"ignores it), or set unknown: 255 in the label coding to ignore all others."
    )


def _check_complete(
    train_ids: np.ndarray, values: Mapping[int, object], what: str
) -> None:
    missing = set(np.unique(train_ids).tolist()) - values.keys()
    if missing:
        raise ValueError(f"trainIds {sorted(missing)} have no {what}")


def colours_to_ids(
    rgb: np.ndarray, colours: Mapping[int, Colour], source: str
) -> np.ndarray:
    """Map colours to ids.

    Args:
        rgb: (H, W, 3) uint8 RGB.
        colours: Id in [0, 255] -> (R, G, B) in [0, 255], all different.
        source: Name of the file for error messages.

    Returns:
        (H, W) uint8 ids.

    Raises:
        ValueError: ``rgb`` has another shape or dtype, or a colour not in ``colours``.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ValueError(
            f"{source}: expected 8-bit RGB, got shape {rgb.shape}, dtype {rgb.dtype}"
        )
    codes = rgb.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    distinct, inverse = np.unique(codes, return_inverse=True)
    id_of = {(r << 16) + (g << 8) + b: i for i, (r, g, b) in colours.items()}
    unknown = [int(code) for code in distinct if int(code) not in id_of]
    if unknown:
        counts = [int((codes == code).sum()) for code in unknown[:5]]
        listed = ", ".join(
            f"({code >> 16}, {code >> 8 & 255}, {code & 255}) in {count} pixels"
            for code, count in zip(unknown[:5], counts, strict=True)
        )
        raise ValueError(f"{source}: {len(unknown)} colours of no class: {listed}")
    ids = np.array([id_of[int(code)] for code in distinct], np.uint8)
    return ids[inverse].reshape(codes.shape)


SPLASH = load_label_coding("splash")

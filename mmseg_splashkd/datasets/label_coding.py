"""Label coding: gray value in the label PNG -> trainId -> colour, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from PIL import Image

IGNORE = 255
GRAYS = 2**16
CODINGS = files("mmseg_splashkd.datasets") / "label_codings"
UNKNOWN = 254  # no trainId: what a value outside the table becomes until it is refused
Colour = Sequence[int]


@dataclass(frozen=True)
class LabelCoding:
    """How one data set codes its labels.

    Args:
        classes: Class names; the index is the trainId.
        palette: One (R, G, B) in [0, 255] per class, no two alike.
        gray_to_train_id: Gray value in the label PNG, in [0, 65535], -> trainId or 255
            (ignored).
        unknown: trainId, or 255, for every value outside the table; None makes such a
            value an error.
        train_id_to_gray: The gray value to paint a trainId with, where several are
            mapped to it; by default the lowest.
        ignore_colour: (R, G, B) of ignored pixels, of no class.

    Raises:
        ValueError: The tables do not fit each other.
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
        """Classes and palette, as a data set of mmseg has them."""
        return {"classes": self.classes, "palette": [list(c) for c in self.palette]}

    def to_train_ids(self, gray: np.ndarray, source: str) -> np.ndarray:
        """Map gray values to trainIds; see ``to_train_ids``."""
        return to_train_ids(gray, self.gray_to_train_id, source, self.unknown)

    def to_gray(self, train_ids: np.ndarray) -> np.ndarray:
        """Paint trainIds in the data set's own coding.

        Args:
            train_ids: (H, W) integers: trainIds or 255.

        Returns:
            (H, W) uint8, or uint16 where a gray value needs it. ``to_train_ids`` of it
            is ``train_ids``.

        Raises:
            ValueError: A trainId has no gray value.
        """
        lowest = {i: gray for gray, i in sorted(self.gray_to_train_id.items())[::-1]}
        back = lowest | dict(self.train_id_to_gray)
        _check_paintable(train_ids, back, "gray value in gray_to_train_id")
        wide = max(back.values()) > 255
        table = np.zeros(256, np.uint16 if wide else np.uint8)
        table[list(back)] = list(back.values())
        return table[train_ids]

    def to_colour(self, train_ids: np.ndarray) -> np.ndarray:
        """Paint trainIds in colours.

        Args:
            train_ids: (H, W) integers: trainIds or 255.

        Returns:
            (H, W, 3) uint8 RGB. ``from_colour`` of it is ``train_ids``.

        Raises:
            ValueError: A value is neither a trainId nor 255.
        """
        colours = self._colours()
        _check_paintable(train_ids, colours, "colour in the palette")
        table = np.zeros((256, 3), np.uint8)
        table[list(colours)] = list(colours.values())
        return table[train_ids]

    def from_colour(self, rgb: np.ndarray, source: str) -> np.ndarray:
        """Read trainIds off colours.

        Args:
            rgb: (H, W, 3) uint8.
            source: The file, named in the error.

        Returns:
            (H, W) uint8: trainIds, or 255 where ``ignore_colour`` stands.

        Raises:
            ValueError: ``rgb`` is no RGB picture, or has a colour of no class.
        """
        return colours_to_ids(rgb, self._colours(), source)

    def _colours(self) -> dict[int, Colour]:
        colours = dict(enumerate(self.palette))
        if self.ignore_colour in colours.values():  # nothing is ignored then
            return colours
        return {**colours, IGNORE: self.ignore_colour}


def load_label_coding(
    spec: str | Path | Mapping[str, Any] | LabelCoding,
) -> LabelCoding:
    """Return the label coding a config asks for.

    Args:
        spec: Name of one that comes along (splash, camvid, cityscapes, trash,
            wildscenes), path of
            a YAML file, or a mapping; the latter two have the arguments of
            ``LabelCoding``.

    Raises:
        FileNotFoundError: There is no such name or file.
        ValueError: It is no label coding, or its tables do not fit each other.
    """
    if isinstance(spec, LabelCoding):
        return spec
    if isinstance(spec, Mapping):
        return _build(dict(spec), "label_coding")
    path = Path(spec)
    known = sorted(f.name[:-5] for f in CODINGS.iterdir() if f.name.endswith(".yaml"))
    source = CODINGS / f"{spec}.yaml" if spec in known else path
    if not source.is_file():
        raise FileNotFoundError(
            f"label_coding={str(spec)!r} is neither one of {known} nor a YAML file"
        )
    try:
        content = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"label_coding {spec} is no YAML: {error}") from error
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
    seen = {}
    named = [] if ignore_colour is None else [("ignore_colour", ignore_colour)]
    for what, colour in (*enumerate(palette), *named):
        good = len(colour) == 3 and all(0 <= int(value) <= 255 for value in colour)
        if not good:
            raise ValueError(f"colour of {what} must be three values in [0, 255]")
        if (first := seen.setdefault(tuple(map(int, colour)), what)) != what:
            remedy = ": set another ignore_colour" if what == "ignore_colour" else ""
            raise ValueError(
                f"{first} and {what} have the same colour {list(colour)}{remedy}"
            )


def _integers(table: Mapping[Any, Any], name: str) -> dict[int, int]:
    """Return the table with integer keys (a command line gives text)."""
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
    """Return the table with integer keys.

    Raises:
        ValueError: A gray value is no integer in [0, 65535], or a trainId is neither in
            [0, num_classes) nor 255.
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
    """Read a label file as it is stored.

    Returns:
        (H, W) uint8 or uint16: gray values, or the indices of a palette PNG. Another
        shape where it is no one-channel map.

    Raises:
        ValueError: It is missing or damaged.
    """
    try:
        with Image.open(path) as label:
            pixels = np.asarray(label)
    except (OSError, SyntaxError) as error:
        raise ValueError(f"label {path} cannot be read: {error}") from error
    # Pillow gives one bit as bool, and 16 bits in one of several ways.
    if pixels.dtype == bool:
        return pixels.astype(np.uint8)
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize > 1:
        fits = pixels.size and pixels.min() >= 0 and pixels.max() < GRAYS
        return pixels.astype(np.uint16) if fits else pixels
    return pixels


def to_train_ids(
    gray: np.ndarray,
    gray_to_train_id: Mapping[int, int],
    source: str,
    unknown: int | None = None,
) -> np.ndarray:
    """Map gray values to trainIds.

    Args:
        gray: (H, W) uint8 or uint16 label map as stored.
        gray_to_train_id: Gray value in [0, 65535] -> trainId or 255 (ignored).
        source: The label file, named in the error.
        unknown: trainId, or 255, for values outside the table; None refuses them.

    Returns:
        (H, W) uint8 trainIds.

    Raises:
        ValueError: ``gray`` is not a one-channel uint8 or uint16 map, or holds a value
            that the table does not know.
    """
    if gray.ndim != 2 or gray.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"{source}: expected a one-channel 8-bit or 16-bit label map, "
            f"got shape {gray.shape} and dtype {gray.dtype}"
        )
    table = np.full(np.iinfo(gray.dtype).max + 1, UNKNOWN, np.uint8)
    for value, train_id in gray_to_train_id.items():
        if value < len(table):
            table[value] = train_id
    # OpenCV's table is thrice as quick, but knows 8 bits only and no empty map.
    small = gray.dtype == np.uint8 and gray.size
    train_ids = cv2.LUT(gray, table) if small else table.take(gray)
    strange = train_ids == UNKNOWN
    if not strange.any():
        return train_ids
    if unknown is None:
        raise ValueError(_describe_unknown(gray[strange], gray_to_train_id, source))
    train_ids[strange] = unknown
    return train_ids


def _describe_unknown(values: np.ndarray, table: Mapping[int, int], source: str) -> str:
    found, counts = np.unique(values, return_counts=True)
    pairs = list(zip(found, counts, strict=True))[:5]
    listed = ", ".join(f"{value} ({count} pixels)" for value, count in pairs)
    return (
        f"{source}: label values outside the table: {listed}; the table knows "
        f"{sorted(table)}. Mend the label, add the value to gray_to_train_id (255 "
        f"ignores it), or set unknown: 255 in the label map to ignore all others."
    )


def _check_paintable(
    train_ids: np.ndarray, known: Mapping[int, object], what: str
) -> None:
    strange = set(np.unique(train_ids).tolist()) - known.keys()
    if strange:
        raise ValueError(f"trainIds {sorted(strange)} have no {what}")


def colours_to_ids(
    rgb: np.ndarray, colours: Mapping[int, Colour], source: str
) -> np.ndarray:
    """Read ids off colours.

    Args:
        rgb: (H, W, 3) uint8.
        colours: Id in [0, 255] -> (R, G, B), no two alike.
        source: The file, named in the error.

    Returns:
        (H, W) uint8 ids.

    Raises:
        ValueError: ``rgb`` is no RGB picture, or has a colour that ``colours`` lacks.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ValueError(
            f"{source}: expected 8-bit RGB, got shape {rgb.shape}, dtype {rgb.dtype}"
        )
    codes = rgb.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    found, where = np.unique(codes, return_inverse=True)
    id_of = {(r << 16) + (g << 8) + b: i for i, (r, g, b) in colours.items()}
    strange = [int(code) for code in found if int(code) not in id_of]
    if strange:
        counts = [int((codes == code).sum()) for code in strange[:5]]
        listed = ", ".join(
            f"({code >> 16}, {code >> 8 & 255}, {code & 255}) in {count} pixels"
            for code, count in zip(strange[:5], counts, strict=True)
        )
        raise ValueError(f"{source}: {len(strange)} colours of no class: {listed}")
    ids = np.array([id_of[int(code)] for code in found], np.uint8)
    return ids[where].reshape(codes.shape)


SPLASH = load_label_coding("splash")

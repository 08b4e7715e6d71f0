"""Label coding: gray value in the label PNG -> trainId -> colour."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

IGNORE = 255


@dataclass(frozen=True)
class LabelMap:
    """How one data set codes its labels.

    Args:
        classes: Class names; the index is the trainId.
        palette: One (R, G, B) in [0, 255] per class.
        gray_to_train_id: Gray value in the label PNG -> trainId or 255 (ignored).
    """

    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    gray_to_train_id: Mapping[int, int]


SPLASH = LabelMap(
    classes=("background", "splash"),
    palette=((16, 42, 67), (255, 196, 0)),
    gray_to_train_id={0: 0, 255: 1},
)


def check_table(
    gray_to_train_id: Mapping[int, int], num_classes: int
) -> dict[int, int]:
    """Return the table with integer keys (a command line gives text).

    Raises:
        ValueError: A gray value is no integer in [0, 255], or a trainId is neither in
            [0, num_classes) nor 255.
    """
    try:
        table = {int(gray): int(known) for gray, known in gray_to_train_id.items()}
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"gray_to_train_id must map integers to integers, got {gray_to_train_id}"
        ) from error
    for gray, train_id in table.items():
        known = 0 <= train_id < num_classes or train_id == IGNORE
        if not 0 <= gray <= 255 or not known:
            raise ValueError(
                f"gray_to_train_id maps {gray} to {train_id}: gray values lie in "
                f"[0, 255], trainIds in [0, {num_classes}) or are {IGNORE} (ignored)"
            )
    return table


def read_gray(path: Path | str) -> np.ndarray:
    """Read a label file as it is stored: (H, W) uint8 where it is a gray one.

    Raises:
        ValueError: It is missing or damaged.
    """
    try:
        with Image.open(path) as label:
            return np.asarray(label)
    except (OSError, SyntaxError) as error:
        raise ValueError(f"label {path} cannot be read: {error}") from error


def to_train_ids(
    gray: np.ndarray, gray_to_train_id: Mapping[int, int], source: str
) -> np.ndarray:
    """Map gray values to trainIds.

    Args:
        gray: (H, W) uint8 label map as stored.
        gray_to_train_id: Gray value in [0, 255] -> trainId or 255 (ignored).
        source: The label file, named in the error.

    Returns:
        (H, W) uint8 trainIds.

    Raises:
        ValueError: ``gray`` is not a one-channel uint8 map, or holds a value that
            the table does not know.
    """
    if gray.ndim != 2 or gray.dtype != np.uint8:
        raise ValueError(
            f"{source}: expected a one-channel 8-bit label map, "
            f"got shape {gray.shape} and dtype {gray.dtype}"
        )
    known = np.zeros(256, bool)
    table = np.zeros(256, np.uint8)
    for value, train_id in gray_to_train_id.items():
        known[value], table[value] = True, train_id
    counts = np.bincount(gray.ravel(), minlength=256)
    unknown = np.flatnonzero(counts * ~known)
    if unknown.size:
        found = ", ".join(f"{value} ({counts[value]} pixels)" for value in unknown[:5])
        raise ValueError(
            f"{source}: label values outside the table: {found}; the table knows "
            f"{sorted(gray_to_train_id)}. Mend the label or add the value to "
            f"gray_to_train_id (255 ignores it)."
        )
    return table[gray]

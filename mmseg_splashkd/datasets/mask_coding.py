"""Pixel values of predicted masks: trainIds, gray values or colours."""

from pathlib import Path

import numpy as np

from mmseg_splashkd.datasets.image_file import open_image
from mmseg_splashkd.datasets.label_coding import (
    LabelCoding,
    read_gray,
    to_train_ids,
)

MASK_CODINGS = ("train_ids", "gray", "colour")


def code_mask(
    train_ids: np.ndarray, kind: str, coding: LabelCoding | None
) -> np.ndarray:
    """Pixel values of a mask.

    Args:
        train_ids: (H, W) uint8 trainIds.
        kind: One of ``MASK_CODINGS``.
        coding: Label coding of the data set; not needed for ``'train_ids'``.

    Returns:
        (H, W) uint8 or uint16; of ``'colour'``, (H, W, 3) uint8 RGB.

    Raises:
        ValueError: A trainId has no gray value or no colour.
    """
    if coding is None or kind == "train_ids":
        return train_ids
    return coding.to_gray(train_ids) if kind == "gray" else coding.to_colour(train_ids)


def read_mask(path: str | Path, kind: str, coding: LabelCoding) -> np.ndarray:
    """Read a mask that ``code_mask`` coded.

    Args:
        path: A PNG.
        kind: One of ``MASK_CODINGS``.
        coding: Label coding of the data set.

    Returns:
        (H, W) uint8 trainIds.

    Raises:
        ValueError: The file is missing or damaged, is not gray or has a value of no
            class.
    """
    if kind == "colour":
        with open_image(path, "mask") as mask:
            return coding.from_colour(np.asarray(mask), str(path))
    if kind == "gray":
        return coding.to_train_ids(read_gray(path), str(path))
    ids = {class_id: class_id for class_id in range(len(coding.classes))}
    return to_train_ids(read_gray(path), ids, str(path))

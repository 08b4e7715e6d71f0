"""Figures of a mask, predicted or corrected."""

import numpy as np

from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.evaluation.components import connected

Figures = dict[str, object]


def class_areas(labels: np.ndarray, coding: LabelCoding) -> dict[str, int]:
    """Number of pixels of each class.

    Args:
        labels: (H, W) uint8 trainIds.
        coding: Its C classes.
    """
    counts = coding.class_pixels(labels)
    return dict(zip(coding.classes, map(int, counts), strict=True))


def class_figures(labels: np.ndarray, coding: LabelCoding) -> list[Figures]:
    """Share, area and number of connected areas of each class.

    Args:
        labels: (H, W) uint8 trainIds.
        coding: Its C classes.

    Returns:
        Of each class, its figures by ``<figure>_<class>``.
    """
    areas = class_areas(labels, coding)
    return [
        {
            f"share_{name}": areas[name] / labels.size,
            f"area_{name}": areas[name],
            # Without boxes and means, which take several times as long.
            f"blobs_{name}": int(connected(labels == class_id).max()),
        }
        for class_id, name in enumerate(coding.classes)
    ]


def corrected_row(row: Figures, labels: np.ndarray, coding: LabelCoding) -> Figures:
    """Figures of a picture whose mask somebody has corrected.

    Args:
        row: Those of the prediction.
        labels: (H, W) uint8 trainIds, corrected.
        coding: Its C classes.

    Returns:
        The same names; the mean probabilities, which are of the prediction, are None.
    """
    measured = {k: v for each in class_figures(labels, coding) for k, v in each.items()}
    unknown = {name: None for name in row if name.startswith("confidence")}
    return {**row, **measured, **unknown}

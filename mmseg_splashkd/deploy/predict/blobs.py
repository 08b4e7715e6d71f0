"""Connected areas of a class in a prediction."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mmseg_splashkd.evaluation.components import connected


@dataclass(frozen=True)
class Blob:
    """An 8-connected area of one class.

    Attributes:
        class_id: trainId of its class.
        class_name: Name of its class.
        box: (left, top, right, bottom) in pixels; right and bottom are exclusive.
        area: Number of its pixels.
        centroid: (x, y), the mean of the columns and rows of its pixels.
        confidence: Mean probability of its class over its pixels, in [0, 1].
    """

    class_id: int
    class_name: str
    box: tuple[int, int, int, int]
    area: int
    centroid: tuple[float, float]
    confidence: float


def find_blobs(
    labels: np.ndarray, probabilities: np.ndarray, class_id: int, class_name: str
) -> list[Blob]:
    """Blobs of a class, in reading order of their first pixels.

    Args:
        labels: (H, W) uint8 trainIds.
        probabilities: (C, H, W) float32 in [0, 1].
        class_id: trainId of the class.
        class_name: Its name.
    """
    numbered = connected(labels == class_id)
    rows, columns = np.nonzero(numbered)
    numbers = numbered[rows, columns]
    areas = np.bincount(numbers)
    weights = (columns, rows, probabilities[class_id, rows, columns])
    sums = [np.bincount(numbers, weight) for weight in weights]
    found = []
    for number, (down, across) in enumerate(ndimage.find_objects(numbered), 1):
        x, y, confidence = (float(each[number] / areas[number]) for each in sums)
        box = (across.start, down.start, across.stop, down.stop)
        area = int(areas[number])
        found.append(Blob(class_id, class_name, box, area, (x, y), confidence))
    return found

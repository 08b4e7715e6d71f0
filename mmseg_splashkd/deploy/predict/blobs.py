"""Connected areas of a class in a prediction."""

from dataclasses import dataclass

import numpy as np

from mmseg_splashkd.evaluation.components import areas_of, connected


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
    inside = numbered > 0
    weights = probabilities[class_id][inside]
    sums = np.bincount(numbered[inside], weights)
    return [
        Blob(
            class_id,
            class_name,
            each.box,
            each.area,
            each.centroid,
            float(sums[number] / each.area),
        )
        for number, each in enumerate(areas_of(numbered), 1)
    ]

"""The row of a frame."""

from typing import NamedTuple

import numpy as np

from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.watch.rows import Row
from mmseg_splashkd.evaluation.components import connected

DIGITS = 6  # of a mean probability: the others are noise of the engine


class Measured(NamedTuple):
    """What is measured in a frame.

    Attributes:
        row: Its row.
        numbered: (H, W) number of the blob of each pixel, as of ``connected``.
    """

    row: Row
    numbered: np.ndarray


def measure(
    labels: np.ndarray, probabilities: np.ndarray, class_id: int, time_ns: int
) -> Measured:
    """Measure one class in a frame.

    Args:
        labels: (H, W) uint8 trainIds.
        probabilities: (C, H, W) float32 in [0, 1].
        class_id: trainId of the class.
        time_ns: Time of the frame in nanoseconds.
    """
    mask = labels == class_id
    numbered, area = connected(mask), int(mask.sum())
    if not area:
        return Measured(Row(time_ns, 0.0, 0, 0, None), numbered)
    confidence = float(probabilities[class_id][mask].mean(dtype=np.float64))
    blobs = int(numbered.max())
    row = Row(time_ns, area / mask.size, area, blobs, round(confidence, DIGITS))
    return Measured(row, numbered)


def class_of(model: SplashModel, name: str | None) -> int:
    """Find the class to watch.

    Args:
        model: The model.
        name: Its name; None: the last class.

    Returns:
        Its trainId.

    Raises:
        ValueError: The model has no such class.
    """
    if name is None:
        return len(model.classes) - 1
    if name not in model.classes:
        raise ValueError(
            f"--class {name!r} is none of the classes of the model: "
            f"{', '.join(model.classes)}"
        )
    return model.classes.index(name)


def decision_of(model: SplashModel, class_id: int, smooth: str | None = None) -> str:
    """What decides that a pixel is of a class, in a sentence.

    Args:
        model: The model.
        class_id: trainId of the class.
        smooth: Time constant in seconds by which p is smoothed; None: it is not.
    """
    decided = _decision(model, class_id)
    if smooth is None:
        return decided
    return f"{decided}; p is averaged over time, time constant {float(smooth):.9g} s"


def _decision(model: SplashModel, class_id: int) -> str:
    name = model.classes[class_id]
    threshold = model.engine.meta.thresholds.get(name)
    if threshold is not None:
        return f"A pixel is {name} from p >= {threshold:.3g}, the operating point"
    return f"A pixel is {name} where no class is more likely: no operating point"

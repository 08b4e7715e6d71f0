"""Quality of a label given the prediction of a model that was not trained on it."""

from typing import NamedTuple

import numpy as np

from mmseg_splashkd.datasets.label_coding import IGNORE

SUSPICIOUS = 0.5
TEMPERATURE = 0.1  # default of cleanlab for segmentation


class LabelQuality(NamedTuple):
    """Quality of the label of a frame, pixel by pixel.

    Attributes:
        quality: (H, W) float64 in [0, 1], the normalised margin (1 + p of the label -
            largest p of another class) / 2. NaN where the label is ignored.
        predicted: (H, W) uint8, the most likely class.
        suspicious: (H, W) bool, True where another class is more likely than the label.
    """

    quality: np.ndarray
    predicted: np.ndarray
    suspicious: np.ndarray


def label_quality(label: np.ndarray, probability: np.ndarray) -> LabelQuality:
    """Score the label of each pixel by its normalised margin.

    Kuan and Mueller, "Model-agnostic label quality scoring to detect real-world label
    errors", ICML DataPerf Workshop, 2022; as in
    [cleanlab](https://github.com/cleanlab/cleanlab), with pixels as examples. The
    suspicious pixels are those of its filter ``predicted_neq_given``.

    Args:
        label: (H, W) in [0, C) or 255, which is ignored.
        probability: (C, H, W), C >= 2, of a model that was not trained on the frame.

    Raises:
        ValueError: The shapes differ, or a label is not a class.
    """
    _check(label, probability)
    valid = label != IGNORE
    given = label[valid].astype(np.int64)[None]
    others = probability[:, valid].astype(np.float64)
    of_label = np.take_along_axis(others, given, 0)[0]
    np.put_along_axis(others, given, -np.inf, 0)
    quality = np.full(label.shape, np.nan)
    quality[valid] = (of_label - others.max(0) + 1) / 2
    return LabelQuality(
        quality=quality,
        predicted=probability.argmax(0).astype(np.uint8),
        suspicious=np.nan_to_num(quality, nan=1.0) < SUSPICIOUS,
    )


def _check(label: np.ndarray, probability: np.ndarray) -> None:
    if label.shape != probability.shape[1:]:
        raise ValueError(
            f"label has shape {label.shape}, probability {probability.shape}: both "
            f"must have the size of the frame"
        )
    unknown = np.unique(label[(label != IGNORE) & (label >= len(probability))])
    if len(unknown):
        raise ValueError(
            f"label holds {unknown.tolist()}, the model has {len(probability)} classes"
        )


def softmin(quality: np.ndarray) -> float:
    """Quality of the label of a whole frame: the softmin over its pixels.

    Lad and Mueller, "Estimating label quality and errors in semantic segmentation data
    via any model", 2023.

    Args:
        quality: (H, W) in [0, 1], NaN where ignored.

    Returns:
        In [0, 1]; 1 if all pixels are ignored.
    """
    values = quality[np.isfinite(quality)].astype(np.float64)
    if not len(values):
        return 1.0
    weights = np.exp((values.min() - values) / TEMPERATURE)
    return float(weights @ values / weights.sum())

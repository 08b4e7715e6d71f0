"""How well a label fits what a model sees that has not seen it, pixel by pixel."""

from typing import Any, NamedTuple

import numpy as np

from mmseg_splashkd.datasets.label_coding import IGNORE

SUSPICIOUS = 0.5
TEMPERATURE = 0.1  # cleanlab's own for images


class Verdict(NamedTuple):
    """What is thought of a frame's label.

    Attributes:
        quality: (H, W) float64 in [0, 1], cleanlab's normalised margin:
            (1 + p of the label - largest p of another class) / 2. NaN where the label
            is ignored.
        predicted: (H, W) uint8, the most likely class.
        suspicious: (H, W) bool: another class is more likely than the label. (Pixels
            are examples to `cleanlab <https://github.com/cleanlab/cleanlab>`_; these
            are those of its filter ``predicted_neq_given``.)
    """

    quality: np.ndarray
    predicted: np.ndarray
    suspicious: np.ndarray


def judge(label: np.ndarray, probability: np.ndarray) -> Verdict:
    """Judge the label of a frame; ignored pixels count nowhere.

    Args:
        label: (H, W) in [0, C) or 255.
        probability: (C, H, W), of a model that was not trained on the frame.

    Raises:
        ImportError: cleanlab is not installed.
        ValueError: The shapes do not fit together, or a label is no class.
    """
    _check(label, probability)
    valid = label != IGNORE
    quality = np.full(label.shape, np.nan)
    if valid.any():
        labels = label[valid].astype(np.int64)
        likely = probability[:, valid].T.astype(np.float64)
        quality[valid] = _normalised_margin()(labels, likely)
    return Verdict(
        quality=quality,
        predicted=probability.argmax(0).astype(np.uint8),
        suspicious=np.nan_to_num(quality, nan=1.0) < SUSPICIOUS,
    )


def _check(label: np.ndarray, probability: np.ndarray) -> None:
    if label.shape != probability.shape[1:]:
        raise ValueError(
            f"label has shape {label.shape}, probability {probability.shape}: both "
            f"must be of the frame's own size"
        )
    strange = np.unique(label[(label != IGNORE) & (label >= len(probability))])
    if len(strange):
        raise ValueError(
            f"label holds {strange.tolist()}, the model has {len(probability)} classes"
        )


def softmin(quality: np.ndarray) -> float:
    """Quality of a frame's label: the softmin of its pixels', as cleanlab ranks images.

    Lad and Mueller, "Estimating label quality and errors in semantic segmentation data
    via any model", 2023.

    Args:
        quality: (H, W) in [0, 1], NaN where it does not count.

    Returns:
        In [0, 1]; 1 where no pixel counts.
    """
    values = quality[np.isfinite(quality)].astype(np.float64)
    if not len(values):
        return 1.0
    weights = np.exp((values.min() - values) / TEMPERATURE)
    return float(weights @ values / weights.sum())


def _normalised_margin() -> Any:
    try:
        from cleanlab.rank import get_normalized_margin_for_each_label
    except ImportError as error:
        raise ImportError(
            "looking for wrong labels needs cleanlab: pip install "
            "'mmseg_splashkd[labels]'"
        ) from error
    return get_normalized_margin_for_each_label

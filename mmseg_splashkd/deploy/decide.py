"""The class of each pixel, of its probabilities."""

import torch
from torch import Tensor


def decide(
    probabilities: Tensor, class_id: int | None = None, threshold: float = 0.5
) -> Tensor:
    """The class of each pixel.

    Args:
        probabilities: (N, C, H, W) in [0, 1].
        class_id: Class that is predicted from ``threshold`` on, before others; None:
            the most likely class is predicted.
        threshold: A probability in (0, 1].

    Returns:
        (N, H, W) int64 classes.
    """
    if class_id is None:
        return probabilities.argmax(1)
    found = probabilities[:, class_id] >= threshold
    if probabilities.shape[1] == 2:
        return torch.where(found, class_id, 1 - class_id)
    others = probabilities.clone()
    others[:, class_id] = -1
    return torch.where(found, class_id, others.argmax(1))

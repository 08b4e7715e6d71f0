"""Cross-entropy for labels of which some are wrong.

Wang et al., "Symmetric Cross Entropy for Robust Learning with Noisy Labels", ICCV 2019.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional.precision import at_least_single

SMALLEST_P = 1e-7  # of a prediction
SMALLEST_LABEL = 1e-4  # of a one-hot label, in place of log 0


def symmetric_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    alpha: float = 0.1,
    beta: float = 1.0,
    ignore_index: int = 255,
) -> Tensor:
    """Mean over labelled pixels of alpha CE(labels, p) + beta CE(p, labels).

    In the second one, the reverse cross-entropy, prediction and label change places.
    It is bounded, so that a wrong label has a bounded influence (equations 6 and 7).
    The bounds of p and of labels, 1e-7 and 1e-4, are those of ProDA.

    Args:
        logits: (B, C, h, w).
        labels: (B, h, w) class indices.
        alpha: Weight of the cross-entropy; 0.1 in ProDA.
        beta: Weight of the reverse cross-entropy; 1 in ProDA.
        ignore_index: Label of pixels that do not count.

    Returns:
        Scalar >= 0; 0 (with a gradient of 0) if no pixel counts.
    """
    log_p = F.log_softmax(at_least_single(logits), dim=1)
    valid = labels != ignore_index
    index = torch.where(valid, labels, 0)[:, None]
    forward = -log_p.gather(1, index)[:, 0]
    p = log_p.exp().clamp_min(SMALLEST_P)
    label = torch.zeros_like(p).scatter(1, index, 1.0).clamp_min(SMALLEST_LABEL)
    reverse = -(p * label.log()).sum(1)
    loss = alpha * forward + beta * reverse
    return (loss * valid).sum() / valid.sum().clamp_min(1)

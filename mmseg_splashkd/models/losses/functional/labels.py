"""Losses against labels, and the focal modulation.

All computations are in float32 (float64 for float64 inputs), so that training in fp16
and bf16 neither overflows nor loses the small probabilities of a rare class.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional.precision import at_least_single

# (1 - pt)^gamma has an infinite derivative at pt = 1 for 0 < gamma < 1.
MIN_ERROR = 1e-12


def resize_logits(logits: Tensor, size: torch.Size, align_corners: bool) -> Tensor:
    """Bilinear upsampling, at least in float32: (B, C, h, w) -> (B, C, *size)."""
    logits = at_least_single(logits)
    if logits.shape[-2:] == size:
        return logits
    return F.interpolate(logits, size, mode="bilinear", align_corners=align_corners)


def _log_probability_of_truth(logits: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
    truth = torch.where(valid, labels, 0)
    log_probabilities = F.log_softmax(at_least_single(logits), dim=1)
    return log_probabilities.gather(1, truth[:, None]).squeeze(1)


def focal_error(log_pt: Tensor, gamma: float) -> Tensor:
    """(1 - pt)^gamma, of log pt of any shape, with a finite gradient for any gamma."""
    error = (-torch.expm1(log_pt)).clamp_min(MIN_ERROR)
    return error.square() if gamma == 2 else error**gamma  # a square is much cheaper


def _mean_modulation(log_pt: Tensor, valid: Tensor, gamma: float) -> Tensor:
    return (focal_error(log_pt, gamma) * valid).sum() / valid.sum().clamp_min(1)


def _mean_focal(
    log_pt: Tensor,
    labels: Tensor,
    valid: Tensor,
    gamma: float,
    class_weight: Tensor | None,
) -> Tensor:
    weight = valid.to(log_pt.dtype)
    if class_weight is not None:
        weight = weight * class_weight[torch.where(valid, labels, 0)]
    focal = -focal_error(log_pt, gamma) * log_pt if gamma else -log_pt
    total = weight.sum()
    return (focal * weight).sum() / torch.where(total > 0, total, 1)


def focal_modulation(
    logits: Tensor, labels: Tensor, gamma: float, ignore_index: int = 255
) -> Tensor:
    """Modulation m: mean over valid pixels of (1 - pt)^gamma.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) in [0, C) or ``ignore_index``.
        gamma: Focal exponent >= 0.
        ignore_index: Label of pixels that are excluded.

    Returns:
        Scalar in [0, 1]; 0 if no pixel is valid.
    """
    valid = labels != ignore_index
    log_pt = _log_probability_of_truth(logits, labels, valid)
    return _mean_modulation(log_pt, valid, gamma)


def softmax_focal_loss(
    logits: Tensor,
    labels: Tensor,
    gamma: float = 2.0,
    class_weight: Tensor | None = None,
    ignore_index: int = 255,
) -> Tensor:
    """Softmax focal loss without alpha: mean of (1 - pt)^gamma * CE.

    Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, eq. 4, for C
    classes. ``gamma`` 0 is cross-entropy.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) in [0, C) or ``ignore_index``.
        gamma: Focal exponent >= 0.
        class_weight: (C,) weights; the mean is then weighted, as in
            ``torch.nn.CrossEntropyLoss``.
        ignore_index: Label of pixels that are excluded.

    Returns:
        Scalar >= 0; 0 (with a gradient of 0) if no pixel is valid.
    """
    valid = labels != ignore_index
    log_pt = _log_probability_of_truth(logits, labels, valid)
    return _mean_focal(log_pt, labels, valid, gamma, class_weight)


def focal_loss_and_modulation(
    logits: Tensor,
    labels: Tensor,
    label_gamma: float,
    gamma: float,
    class_weight: Tensor | None = None,
    ignore_index: int = 255,
) -> tuple[Tensor, Tensor]:
    """``softmax_focal_loss`` and ``focal_modulation`` from one softmax.

    At the labels' size the softmax is the most expensive part of both.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) in [0, C) or ``ignore_index``.
        label_gamma: Focal exponent of the loss; 0 is cross-entropy.
        gamma: Focal exponent of the modulation.
        class_weight: (C,) weights of the loss.
        ignore_index: Label of pixels that are excluded.
    """
    valid = labels != ignore_index
    log_pt = _log_probability_of_truth(logits, labels, valid)
    loss = _mean_focal(log_pt, labels, valid, label_gamma, class_weight)
    return loss, _mean_modulation(log_pt, valid, gamma)

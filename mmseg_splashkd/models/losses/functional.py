"""Losses as formulas: tensors in, scalar out. No registry, no config, no state.

Everything is computed in float32 whatever the logits' precision, so that fp16 and bf16
training neither overflows nor loses the small probabilities of a rare class.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

# (1 - pt)^gamma has an infinite slope at pt = 1 for 0 < gamma < 1.
MIN_ERROR = 1e-12


def resize_logits(logits: Tensor, size: torch.Size, align_corners: bool) -> Tensor:
    """Bilinear upsampling in float32: (B, C, h, w) -> (B, C, *size)."""
    logits = logits.float()
    if logits.shape[-2:] == size:
        return logits
    return F.interpolate(logits, size, mode="bilinear", align_corners=align_corners)


def _log_probability_of_truth(logits: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
    truth = torch.where(valid, labels, 0)
    log_probabilities = F.log_softmax(logits.float(), dim=1)
    return log_probabilities.gather(1, truth[:, None]).squeeze(1)


def _modulation(log_pt: Tensor, gamma: float) -> Tensor:
    error = -torch.expm1(log_pt)
    return error.clamp_min(MIN_ERROR) ** gamma


def focal_modulation(
    logits: Tensor, labels: Tensor, gamma: float, ignore_index: int = 255
) -> Tensor:
    """Modulating number m: mean over valid pixels of (1 - pt)^gamma.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) in [0, C) or ``ignore_index``.
        gamma: Focal exponent >= 0.
        ignore_index: Label of pixels that do not count.

    Returns:
        Scalar in [0, 1]; 0 where no pixel is valid.
    """
    valid = labels != ignore_index
    log_pt = _log_probability_of_truth(logits, labels, valid)
    total = (_modulation(log_pt, gamma) * valid).sum()
    return total / valid.sum().clamp_min(1)


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
        ignore_index: Label of pixels that do not count.

    Returns:
        Scalar >= 0; 0 (with a gradient of 0) where no pixel is valid.
    """
    valid = labels != ignore_index
    log_pt = _log_probability_of_truth(logits, labels, valid)
    weight = valid.float()
    if class_weight is not None:
        weight = weight * class_weight[torch.where(valid, labels, 0)]
    focal = -_modulation(log_pt, gamma) * log_pt if gamma else -log_pt
    total = weight.sum()
    return (focal * weight).sum() / torch.where(total > 0, total, 1)


def kl_divergence(student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """T^2 * mean over all pixels of KL(softmax(t / T) || softmax(s / T)).

    Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, per pixel.
    Ignored pixels take part, for the teacher knows them.

    Args:
        student: (B, C, h, w) logits.
        teacher: (B, C, h, w) logits.
        temperature: T > 0.

    Returns:
        Scalar >= 0, exactly 0 for equal logits.
    """
    log_student = F.log_softmax(student.float() / temperature, dim=1)
    log_teacher = F.log_softmax(teacher.float() / temperature, dim=1)
    pixels = F.kl_div(log_student, log_teacher, reduction="none", log_target=True)
    return temperature**2 * pixels.sum(1).mean()

"""Losses between the logits of student and teacher, at network resolution.

All computations are in float32 (float64 for float64 inputs).
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional.precision import at_least_single

# Smallest standard deviation of a pixel's logits that is standardised: below it (a head
# that starts at zero), the gradient would grow with its inverse.
MIN_DEVIATION = 1e-3
# By rounding, equal numbers deviate from their mean by a few units in the last place.
ROUNDING = 16
# Squares of shorter vectors underflow in float32.
MIN_LENGTH = 1e-15


def _softmax_kl(student: Tensor, teacher: Tensor, dim: int) -> Tensor:
    """Summands of KL(softmax(teacher) || softmax(student)), shaped like the logits."""
    log_student = F.log_softmax(student, dim)
    log_teacher = F.log_softmax(teacher, dim)
    return F.kl_div(log_student, log_teacher, reduction="none", log_target=True)


def _standardized(logits: Tensor) -> Tensor:
    deviation = logits.std(1, keepdim=True).clamp_min(MIN_DEVIATION)
    return (logits - logits.mean(1, keepdim=True)) / deviation


def hard_label_cross_entropy(
    student: Tensor, teacher: Tensor, threshold: float = 0.95
) -> Tensor:
    """Mean cross-entropy to the teacher's class, over pixels where it is sure.

    Self-training with pseudo-labels, as in stages 2 and 3 of ProDA (Zhang et al., CVPR
    2021). Pixels without an answer, whose logits are equal, do not count.

    Args:
        student: (B, C, h, w) logits.
        teacher: (B, C, h, w) logits.
        threshold: Probability in [0, 1) above which the teacher is sure; 0.95 in ProDA.

    Returns:
        Scalar >= 0; 0 (with a gradient of 0) if it is sure nowhere.
    """
    student, teacher = at_least_single(student), at_least_single(teacher)
    probability, answers = F.softmax(teacher, 1).max(1)
    sure = (probability > threshold) & (teacher.amax(1) > teacher.amin(1))
    loss = F.cross_entropy(student, answers, reduction="none")
    return torch.where(sure, loss, 0.0).sum() / sure.sum().clamp_min(1)


def kl_divergence(
    student: Tensor,
    teacher: Tensor,
    temperature: float = 1.0,
    standardize: bool = False,
    weights: Tensor | None = None,
) -> Tensor:
    """T^2 * mean over all pixels of KL(softmax(t / T) || softmax(s / T)).

    Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, section 2, per
    pixel. Ignored pixels are included, since the teacher has outputs for them.

    Args:
        student: (B, C, h, w) logits.
        teacher: (B, C, h, w) logits.
        temperature: T > 0.
        standardize: First subtract from each pixel's logits their mean over classes and
            divide by their standard deviation (that of a sample, n - 1): Sun et al.,
            "Logit Standardization in Knowledge Distillation", CVPR 2024, algorithm 1.
            Requires more than two classes: with two, only the sign remains.
        weights: (B, h, w) factors of the pixels before the mean; default: all 1.

    Returns:
        Scalar >= 0, exactly 0 for equal logits.
    """
    student, teacher = at_least_single(student), at_least_single(teacher)
    if standardize:
        student, teacher = _standardized(student), _standardized(teacher)
    pixels = _softmax_kl(student / temperature, teacher / temperature, dim=1).sum(1)
    return temperature**2 * (pixels if weights is None else pixels * weights).mean()


def _margin(logits: Tensor) -> Tensor:
    first, second = at_least_single(logits).unbind(1)
    return second - first


def margin_kl_divergence(
    student: Tensor, teacher: Tensor, temperature: float = 1.0
) -> Tensor:
    """``kl_divergence`` of two classes, computed from the margins m = z1 - z0.

    The softmax of two logits is the sigmoid of their margin, so that a pixel needs one
    number instead of two. Each logarithm is that of its own class's probability, which
    avoids differences of large numbers for margins of any size.

    Args:
        student: (B, 2, h, w) logits.
        teacher: (B, 2, h, w) logits.
        temperature: T > 0.

    Returns:
        Scalar >= 0, exactly 0 for equal logits.
    """
    student, teacher = _margin(student) / temperature, _margin(teacher) / temperature
    second = torch.sigmoid(teacher) * (F.logsigmoid(teacher) - F.logsigmoid(student))
    student, teacher = -student, -teacher
    first = torch.sigmoid(teacher) * (F.logsigmoid(teacher) - F.logsigmoid(student))
    return temperature**2 * (first + second).mean()


def logit_mse(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over all elements of (s - t)^2.

    Ba and Caruana, "Do Deep Nets Really Need to be Deep?", NeurIPS 2014, eq. 1, per
    pixel, without the factor 1/2.

    Args:
        student: (B, C, h, w) logits.
        teacher: (B, C, h, w) logits.

    Returns:
        Scalar >= 0.
    """
    return F.mse_loss(at_least_single(student), at_least_single(teacher))


def channel_wise_divergence(
    student: Tensor, teacher: Tensor, temperature: float = 4.0
) -> Tensor:
    """T^2 / (B C) * sum over channels of KL(softmax(t / T) || softmax(s / T)).

    The softmax runs over the h w pixels of a channel, so it describes where a class is,
    not which class a pixel has. Shu et al., "Channel-wise Knowledge Distillation for
    Dense Prediction", ICCV 2021, section 3.2.

    Args:
        student: (B, C, h, w) logits, or features of as many channels.
        teacher: (B, C, h, w) logits, or features of as many channels.
        temperature: T > 0.

    Returns:
        Scalar >= 0, exactly 0 for equal logits, and for maps of one pixel.
    """
    student = at_least_single(student).flatten(2) / temperature
    teacher = at_least_single(teacher).flatten(2) / temperature
    return temperature**2 * _softmax_kl(student, teacher, dim=2).sum(2).mean()


def _centred(values: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Deviations from the mean along a dimension, their norm, and whether it is > 0."""
    mean = values.mean(dim, keepdim=True)
    deviations = values - mean
    length = torch.linalg.vector_norm(deviations, dim=dim, keepdim=True)
    unit = torch.finfo(values.dtype).eps * math.sqrt(values.shape[dim])
    return deviations, length, length > (ROUNDING * unit * mean).clamp_min(MIN_LENGTH)


def _correlation_distance(student: Tensor, teacher: Tensor, dim: int) -> Tensor:
    """Mean of 1 - Pearson along a dimension of probabilities, 0 where one is constant.

    It is computed as half the squared distance of unit vectors, which equals 1 - cos(x,
    y) and is exactly 0 for equal vectors.
    """
    student, student_length, student_varies = _centred(student, dim)
    teacher, teacher_length, teacher_varies = _centred(teacher, dim)
    defined = student_varies & teacher_varies
    # The inner torch.where avoids 1 / 0 in the gradient.
    student = student / torch.where(defined, student_length, 1)
    teacher = teacher / torch.where(defined, teacher_length, 1)
    distance = (student - teacher).square().sum(dim, keepdim=True) / 2
    return torch.where(defined, distance, 0).mean()


def _probabilities(logits: Tensor, temperature: float) -> Tensor:
    return F.softmax(at_least_single(logits) / temperature, dim=1)


def dist_class_relation(
    student: Tensor, teacher: Tensor, temperature: float = 1.0
) -> Tensor:
    """T^2 * mean over pixels of 1 - Pearson, over classes, of the probabilities.

    The inter-class relation of Huang et al., "Knowledge Distillation from A Stronger
    Teacher", NeurIPS 2022. Requires more than two classes: with two, the correlation is
    1 or -1 and has no gradient.

    Args:
        student: (B, C, h, w) logits.
        teacher: (B, C, h, w) logits.
        temperature: T > 0.

    Returns:
        Scalar in [0, 2 T^2], 0 for equal logits; pixels whose classes are all equally
        probable, where a correlation is undefined, add 0.
    """
    student = _probabilities(student, temperature)
    teacher = _probabilities(teacher, temperature)
    return temperature**2 * _correlation_distance(student, teacher, dim=1)


def dist_pixel_relation(
    student: Tensor, teacher: Tensor, temperature: float = 1.0
) -> Tensor:
    """T^2 * mean over images and classes of 1 - Pearson, over pixels.

    The intra-class relation of Huang et al., "Knowledge Distillation from A Stronger
    Teacher", NeurIPS 2022. Their code correlates over the pixels of the whole batch,
    this function over those of each image.

    Args:
        student: (B, C, h, w) logits.
        teacher: (B, C, h, w) logits.
        temperature: T > 0.

    Returns:
        Scalar in [0, 2 T^2], 0 for equal logits; maps that are constant, where a
        correlation is undefined, add 0.
    """
    student = _probabilities(student, temperature).flatten(2)
    teacher = _probabilities(teacher, temperature).flatten(2)
    return temperature**2 * _correlation_distance(student, teacher, dim=2)

"""Numbers by the class that the teacher predicts, so that rare classes count.

On 1 % of foreground a mean over pixels is 99 % background, both in a KL divergence and
in the focal modulation. These functions weight pixels or average by class instead. The
teacher's class of a pixel is its most probable one. All computations are in float32
(float64 for float64 inputs), and within one process: under DDP, of its own batch.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional.labels import focal_error
from mmseg_splashkd.models.losses.functional.precision import at_least_single


def rarity_weights(
    teacher: Tensor,
    power: float = 1.0,
    floor: float = 1e-3,
    shares: Sequence[float] | None = None,
    valid: Tensor | None = None,
) -> Tensor:
    """Weights of pixels by the rarity of the teacher's class, of mean 1.

    A pixel whose most probable class is c has the weight r_c / sum_k f_k r_k, with
    r_c = max(f_c, floor)^-power and f_c the share of class c. With power 1, every class
    above the floor has the same total weight; with power 0, every weight is 1.

    The assignment is hard on purpose. With probabilities as assignments, the share of a
    rare class would mostly be the small probability that the teacher gives it on the
    many other pixels, and so would be the pixels that its weight falls on. A teacher
    trained with focal loss, whose probabilities are pulled to the middle, would undo
    the weights. It also makes them independent of the temperature.

    Args:
        teacher: (B, C, h, w) logits.
        power: Exponent >= 0; 0.5 is between equal pixels and equal classes.
        floor: Smallest share in (0, 1), which bounds the weight of a few pixels: a
            class of less has less than an equal part.
        shares: Share or pixel count of each class, C numbers; default: those of the
            batch. Given shares make the weight of a pixel independent of its batch. The
            mean of the weights is then 1 over batches of these shares.
        valid: (B, h, w), False where the teacher has no answer: such pixels count for
            no class; default: answers everywhere.

    Returns:
        (B, h, w) weights > 0, of mean 1 over valid pixels.
    """
    answers = teacher.argmax(1)
    if valid is not None and not valid.any():  # no class has a share
        valid = None
    if shares is None:
        given = answers.flatten() if valid is None else answers[valid]
        f = torch.bincount(given, minlength=teacher.shape[1])
    else:
        f = torch.tensor(shares, device=teacher.device)
    f = f.to(torch.promote_types(teacher.dtype, torch.float32))
    rarity = (f / f.sum()).clamp_min(floor) ** -power
    # In this order, weights of power 0 are 1 to the last digit.
    return (rarity / ((f * rarity).sum() / f.sum()))[answers]


def student_error(
    student: Tensor,
    teacher: Tensor,
    gamma: float = 2.0,
    threshold: float = 0.5,
    classes: Sequence[int] | None = None,
    valid: Tensor | None = None,
) -> Tensor:
    """Mean over classes, of the mean over a class's pixels of (1 - p)^gamma.

    p is the student's probability of the class that the teacher predicts. Pixels of a
    class are those where the teacher gives it the highest probability, of at least
    ``threshold``. Classes without such a pixel do not count. Labels take no part, so
    that ignored pixels and frames without labels do.

    Args:
        student: (B, C, h, w) logits.
        teacher: (B, C, h, w) logits.
        gamma: Focal exponent >= 0.
        threshold: Probability in [0, 1]; up to 1 / C, all pixels count.
        classes: Indices of the classes that count; default: all C.
        valid: (B, h, w), False where the teacher has no answer: such pixels do not
            count; default: answers everywhere.

    Returns:
        Scalar in [0, 1]; 0 (with a gradient of 0) if the teacher is sure of none of the
        classes anywhere.
    """
    student, teacher = at_least_single(student), at_least_single(teacher)
    sure, answers = F.softmax(teacher, dim=1).max(1)
    log_p = F.log_softmax(student, dim=1).gather(1, answers[:, None])
    error = focal_error(log_p, gamma)
    counted = range(teacher.shape[1]) if classes is None else classes
    index = torch.tensor(list(counted), device=teacher.device)[:, None, None]
    members = (answers[:, None] == index) & (sure >= threshold)[:, None]
    if valid is not None:
        members = members & valid[:, None]
    pixels = members.sum((0, 2, 3))
    means = (error * members).sum((0, 2, 3)) / pixels.clamp_min(1)
    return means.sum() / (pixels > 0).sum().clamp_min(1)

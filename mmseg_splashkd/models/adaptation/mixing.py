"""A mean teacher on target frames into which objects of the source are pasted.

Hoyer et al., "DAFormer", CVPR 2022; class mixing of Tranheden et al., "DACS", WACV
2021; masked consistency of Hoyer et al., "MIC", CVPR 2023.
"""

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional.precision import at_least_single


def teacher_decay(step: int, alpha: float = 0.999) -> float:
    """Weight of the former teacher in its moving average: min(1 - 1 / (t + 1), alpha).

    In step 0 the teacher is a copy of the student.

    Args:
        step: Number t of the step, from 0.
        alpha: Largest weight in [0, 1); 0.999 in DAFormer.
    """
    return min(1 - 1 / (step + 1), alpha)


def pseudo_labels(logits: Tensor, threshold: float = 0.968) -> tuple[Tensor, Tensor]:
    """Labels of a teacher, and how much its images count (DAFormer, equation 4).

    Args:
        logits: (B, C, h, w) of the teacher.
        threshold: Probability in [0, 1] from which a pixel is sure; 0.968 in DAFormer.

    Returns:
        (B, h, w) class indices, and (B,) the share of sure pixels in each image, which
        weights all its pixels.
    """
    p, labels = F.softmax(at_least_single(logits), dim=1).max(1)
    return labels, (p >= threshold).flatten(1).to(p).mean(1)


def pasted(
    labels: Tensor, generator: Generator | None = None, ignore_index: int = 255
) -> Tensor:
    """Pixels of source images that are pasted: half of the classes of each (ClassMix).

    Args:
        labels: (B, H, W) class indices of the source.
        generator: Random numbers, on the CPU; default: those of torch.
        ignore_index: Label of pixels that are never pasted.

    Returns:
        (B, H, W), True at the pixels of the chosen classes; of n > 1 classes in an
        image, (n + 1) // 2 are chosen. Of one class none is, other than in the papers:
        an image of background alone would replace the whole target image.
    """
    masks = []
    for label in labels:
        there = label.unique()
        there = there[there != ignore_index]
        order = torch.randperm(len(there), generator=generator)
        number = (len(there) + 1) // 2 if len(there) > 1 else 0
        chosen = there[order[:number].to(there.device)]
        masks.append(torch.isin(label, chosen))
    return torch.stack(masks)


def hidden(
    images: Tensor,
    patch: int = 64,
    ratio: float = 0.7,
    generator: Generator | None = None,
) -> Tensor:
    """Images with random square patches set to 0 (MIC, equations 5 and 6).

    Args:
        images: (B, K, H, W), normalised.
        patch: Side of a patch in pixels; 64 in MIC. At the border they are cut off.
        ratio: Probability of a patch to be hidden, in [0, 1]; 0.7 in MIC.
        generator: Random numbers, on the CPU; default: those of torch.

    Returns:
        (B, K, H, W).
    """
    b, _, height, width = images.shape
    rows, columns = -(-height // patch), -(-width // patch)
    drawn = torch.rand(b, 1, rows, columns, generator=generator)
    shown = (drawn >= ratio).to(images)
    grown = shown.repeat_interleave(patch, 2).repeat_interleave(patch, 3)
    return images * grown[..., :height, :width]

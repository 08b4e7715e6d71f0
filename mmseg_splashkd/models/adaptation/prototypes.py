"""Prototypes: the mean feature of each class, which corrects labels of target frames.

Zhang et al., "Prototypical Pseudo Label Denoising and Target Structure Learning for
Domain Adaptive Semantic Segmentation" (ProDA), CVPR 2021. All computations are in
float32 (float64 for float64 inputs), matrix products under autocast included.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional.precision import (
    at_least_single,
    without_autocast,
)


class ClassMeans(NamedTuple):
    """Mean features of the classes of a batch.

    Attributes:
        means: (C, D); 0 for classes that are not there.
        pixels: (C,) number of pixels of each class.
    """

    means: Tensor
    pixels: Tensor


def class_means(features: Tensor, labels: Tensor, classes: int) -> ClassMeans:
    """Mean feature of each class (equation 4).

    Args:
        features: (B, D, h, w).
        labels: (B, h, w) class indices; those outside [0, C) are ignored.
        classes: C.
    """
    vectors = at_least_single(features).movedim(1, -1).flatten(0, 2)
    index = labels.flatten()
    known = (index >= 0) & (index < classes)
    vectors, index = vectors[known], index[known]
    sums = vectors.new_zeros(classes, vectors.shape[1]).index_add(0, index, vectors)
    pixels = torch.bincount(index, minlength=classes)
    return ClassMeans(sums / pixels.clamp_min(1)[:, None], pixels)


def moved(prototypes: Tensor, batch: ClassMeans, momentum: float = 0.9999) -> Tensor:
    """Prototypes moved towards the means of a batch (equation 5).

    Args:
        prototypes: (C, D).
        batch: Means of the batch; classes that it does not have stay.
        momentum: Weight of the former prototype in [0, 1]; 0.9999 in the paper.
    """
    there = (batch.pixels > 0)[:, None]
    return torch.where(there, prototypes.lerp(batch.means, 1 - momentum), prototypes)


def distances(features: Tensor, prototypes: Tensor) -> Tensor:
    """(B, C, h, w) Euclidean distances of the features of pixels to prototypes.

    Args:
        features: (B, D, h, w).
        prototypes: (C, D).
    """
    features, prototypes = at_least_single(features), at_least_single(prototypes)
    size = features.shape[-2:]
    with without_autocast(features):
        vectors = features.flatten(2).transpose(1, 2)
        # Not by |f|^2 - 2 f.p + |p|^2, whose differences lose all digits near 0.
        d = torch.cdist(
            vectors, prototypes, compute_mode="donot_use_mm_for_euclid_dist"
        )
    return d.transpose(1, 2).unflatten(2, size)


def nearness(distance: Tensor, tau: float = 1.0) -> Tensor:
    """Softmax over classes of -d / tau (equation 3): weights of labels, and z of KL.

    Args:
        distance: (B, C, h, w) distances to the prototypes.
        tau: Temperature > 0; 1 in the paper.

    Returns:
        (B, C, h, w), of sum 1.
    """
    return F.softmax(-distance / tau, dim=1)


def corrected_labels(soft: Tensor, distance: Tensor, tau: float = 1.0) -> Tensor:
    """Labels argmax_c w_c p_c of fixed soft labels, weighted by nearness (equation 2).

    Args:
        soft: (B, C, h, w) probabilities, fixed before the training.
        distance: (B, C, h, w) distances to the prototypes.
        tau: Temperature > 0.

    Returns:
        (B, h, w) class indices.
    """
    return (at_least_single(soft) * nearness(distance, tau)).argmax(1)


def structure_loss(weak: Tensor, strong: Tensor, tau: float = 1.0) -> Tensor:
    """KL of the nearness on a strong view from that on a weak one (equation 8).

    Args:
        weak: (B, C, h, w) distances of the moving average on the weakly augmented
            images, which are not trained.
        strong: (B, C, h, w) distances of the trained model on the strongly augmented
            images.
        tau: Temperature > 0.

    Returns:
        Scalar >= 0, a mean over pixels.
    """
    target = F.log_softmax(-weak.detach() / tau, dim=1)
    taught = F.log_softmax(-strong / tau, dim=1)
    return F.kl_div(taught, target, reduction="none", log_target=True).sum(1).mean()


def degeneration_loss(logits: Tensor) -> Tensor:
    """Mean over pixels and classes of -log p, which keeps classes from vanishing.

    It is the cross-entropy to equal classes (equation 9).

    Args:
        logits: (B, C, h, w).

    Returns:
        Scalar >= log C.
    """
    return -F.log_softmax(at_least_single(logits), dim=1).mean()

"""Entropy of predictions on target frames.

Vu et al., "ADVENT: Adversarial Entropy Minimization for Domain Adaptation in Semantic
Segmentation", CVPR 2019. All computations are in float32 (float64 for float64 inputs).
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional.precision import at_least_single


def self_information(logits: Tensor) -> Tensor:
    """Weighted self-information I_c = -p_c log p_c / log C (section 3.2).

    Its sum over the classes is the entropy of a pixel, 1 where all are equally likely.
    A discriminator of AdvEnt sees these maps.

    Args:
        logits: (B, C, h, w), C > 1.

    Returns:
        (B, C, h, w), each in [0, 1 / (e ln C)].
    """
    log_p = F.log_softmax(at_least_single(logits), dim=1)
    return -log_p.exp() * log_p / math.log(logits.shape[1])


def entropy_loss(logits: Tensor, share: float | None = None) -> Tensor:
    """Mean entropy of pixels (MinEnt, equation 3).

    Args:
        logits: (B, C, h, w), C > 1.
        share: Only this share of the pixels of each image, those of the highest
            entropy, count, in (0, 1]; the paper takes 0.3 for some data (section 3.4).
            Default None: all.

    Returns:
        Scalar in [0, 1].
    """
    entropy = self_information(logits).sum(1).flatten(1)
    if share is not None:
        entropy = entropy.topk(max(1, round(share * entropy.shape[1])), dim=1).values
    return entropy.mean()


def class_ratio_loss(logits: Tensor, shares: Tensor, mu: float = 0.5) -> Tensor:
    """Penalty of classes that a target image has too few of (equation 7).

    Sum over classes of max(0, mu s_c - mean over pixels of p_c), as a mean over images.
    It is one-sided on purpose: an image may have more of a class than the source.

    Args:
        logits: (B, C, h, w) of target images.
        shares: (C,) share of each class among the labelled pixels of the source.
        mu: Part of the share that is asked for, in [0, 1]; 0.5 in the paper.

    Returns:
        Scalar in [0, mu].
    """
    p = F.softmax(at_least_single(logits), dim=1).mean((2, 3))
    return torch.relu(mu * shares.to(p) - p).sum(1).mean()

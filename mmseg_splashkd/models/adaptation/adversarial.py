"""Losses of a discriminator that tells maps of the source from those of the target.

Tsai et al., "Learning to Adapt Structured Output Space for Semantic Segmentation"
(AdaptSegNet), CVPR 2018. All computations are in float32 (float64 for float64 inputs).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional.precision import at_least_single

KINDS = ("bce", "ls")


def domain_loss(scores: Tensor, is_source: bool, kind: str = "bce") -> Tensor:
    """How far a discriminator is from naming a domain, as a mean over all places.

    A step trains the segmentor to make the scores of target frames those of the source
    (equation 4), and then the discriminator to name both domains (equation 2).

    Args:
        scores: (B, 1, h, w) scores; the probability of the source is their sigmoid for
            ``'bce'``, and they are compared with 1 and 0 for ``'ls'``.
        is_source: The domain to be named.
        kind: ``'bce'``: binary cross-entropy. ``'ls'``: squared distance (Mao et al.,
            "Least Squares Generative Adversarial Networks", ICCV 2017).

    Returns:
        Scalar >= 0.

    Raises:
        ValueError: ``kind`` has another value.
    """
    check_kind(kind)
    scores = at_least_single(scores)
    named = torch.full_like(scores, float(is_source))
    if kind == "ls":
        return F.mse_loss(scores, named)
    return F.binary_cross_entropy_with_logits(scores, named)


def check_kind(kind: str) -> None:
    """Check the kind of loss.

    Raises:
        ValueError: It is none of ``KINDS``.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")

"""Entropy minimisation."""

from typing import ClassVar

import torch
from mmengine.dist import all_reduce
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_splashkd.models.adaptation.entropy import class_ratio_loss, entropy_loss
from mmseg_splashkd.models.adaptation.methods.method import AdaptationMethod, Step


@MODELS.register_module()
class MinEntropy(AdaptationMethod):
    """Make predictions on target frames sure: MinEnt of ADVENT.

    Vu et al., "ADVENT: Adversarial Entropy Minimization for Domain Adaptation in
    Semantic Segmentation", CVPR 2019, sections 3.1 and 3.4.

    Args:
        weight: Factor lambda_ent >= 0 of the mean entropy; 0.001 in the paper.
        share: Share in (0, 1] of the pixels of an image, those of the highest entropy,
            that count; 0.3 in the paper for some data. Default None: all.
        prior_weight: Factor >= 0 of the class-ratio prior; default 0: no prior.
        mu: Part of the source's share of a class that each target image is asked for,
            in [0, 1]; 0.5 in the paper.

    Raises:
        ValueError: An argument is out of range, or has no effect.
    """

    prior: ClassVar[float] = 0.5
    pixels: Tensor

    def __init__(
        self,
        weight: float = 1e-3,
        share: float | None = None,
        prior_weight: float = 0.0,
        mu: float | None = None,
    ) -> None:
        super().__init__()
        if min(weight, prior_weight) < 0 or weight == prior_weight == 0:
            raise ValueError(
                f"weight={weight} and prior_weight={prior_weight} must be >= 0, and "
                f"one of them above 0"
            )
        if share is not None and not (weight and 0 < share <= 1):
            raise ValueError(
                f"share={share} must lie in (0, 1], and has no effect without weight"
            )
        if mu is not None and not (prior_weight and 0 <= mu <= 1):
            raise ValueError(
                f"mu={mu} must lie in [0, 1], and has no effect without prior_weight"
            )
        self.weight, self.share = weight, share
        self.prior_weight, self.mu = prior_weight, self.prior if mu is None else mu

    def bind(self, network: EncoderDecoder) -> None:
        """Count the labelled pixels of each class of the source from here on."""
        self.register_buffer("pixels", torch.zeros(network.num_classes).double())

    def forward(self, step: Step) -> dict[str, Tensor]:
        """``loss_entropy``, and ``loss_prior`` with a prior."""
        logits = step.target_logits()
        losses = {"loss_entropy": self.weight * entropy_loss(logits, self.share)}
        if self.prior_weight:
            valid = step.labels[step.labels != step.ignore_index]
            seen = torch.bincount(valid, minlength=len(self.pixels))
            all_reduce(seen)
            self.pixels += seen
            shares = self.pixels / self.pixels.sum().clamp_min(1)
            prior = class_ratio_loss(logits, shares, self.mu)
            losses["loss_prior"] = self.prior_weight * prior
        return losses

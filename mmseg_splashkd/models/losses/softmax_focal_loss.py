"""Softmax focal loss as a ``loss_decode``, for plain students and teachers."""

from collections.abc import Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_splashkd.models.losses import functional


def check_gamma(gamma: float) -> float:
    """Return ``gamma``, or raise a ValueError if it is negative."""
    if gamma < 0:
        raise ValueError(f"gamma must be >= 0, got {gamma}; 0 is cross-entropy")
    return gamma


@MODELS.register_module()
class SoftmaxFocalLoss(nn.Module):
    """``functional.softmax_focal_loss`` as a ``loss_decode`` of any mmseg head.

    Args:
        gamma: Focal exponent >= 0, default 2; 0 is cross-entropy.
        class_weight: One weight >= 0 per class; default None: equal weights.
        loss_weight: Factor of the loss; default 1.
        loss_name: Key in the log, default ``'loss_focal'``. It must contain ``loss``:
            mmengine excludes other keys from the total.

    Raises:
        ValueError: ``gamma`` < 0, or ``loss_name`` does not contain ``loss``.
    """

    class_weight: Tensor | None

    def __init__(
        self,
        gamma: float = 2.0,
        class_weight: Sequence[float] | None = None,
        loss_weight: float = 1.0,
        loss_name: str = "loss_focal",
    ) -> None:
        super().__init__()
        if "loss" not in loss_name:
            raise ValueError(
                f"loss_name={loss_name!r} does not contain 'loss', so that mmengine "
                f"would not train on it: choose a name such as 'loss_focal'"
            )
        self.gamma = check_gamma(gamma)
        self.loss_weight = loss_weight
        self.loss_name = loss_name
        weight = None if class_weight is None else torch.tensor(class_weight).float()
        self.register_buffer("class_weight", weight, persistent=False)

    def forward(
        self,
        logits: Tensor,
        labels: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
    ) -> Tensor:
        """Loss of (B, C, H, W) logits against (B, H, W) labels, a scalar.

        Raises:
            ValueError: ``weight`` is given: pixel samplers are not supported; or
                ``class_weight`` has another length than C.
        """
        if weight is not None:
            raise ValueError(
                "SoftmaxFocalLoss takes no pixel weights: remove the head's sampler"
            )
        if self.class_weight is not None and len(self.class_weight) != logits.shape[1]:
            raise ValueError(
                f"class_weight of SoftmaxFocalLoss has {len(self.class_weight)} "
                f"weights for {logits.shape[1]} classes: give one per class"
            )
        loss = functional.softmax_focal_loss(
            logits, labels, self.gamma, self.class_weight, ignore_index
        )
        return self.loss_weight * loss

"""Losses of real-valued maps."""

from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional.precision import at_least_single


def smooth_l1_maps(maps: Tensor, targets: Tensor, beta: float = 1.0) -> Tensor:
    """Sum over maps of their mean smooth L1 distance.

    d^2 / (2 beta) for |d| < beta, |d| - beta / 2 beyond. With beta = 1, the loss of
    Kumra, Joshi and Sahin, "Antipodal Robotic Grasping using Generative Residual
    Convolutional Neural Network" (GR-ConvNet), IROS 2020, eq. 5.

    Args:
        maps: (B, C, H, W).
        targets: (B, C, H, W).
        beta: > 0.

    Returns:
        Scalar >= 0.
    """
    maps, targets = at_least_single(maps), at_least_single(targets)
    each = F.smooth_l1_loss(maps, targets, reduction="none", beta=beta)
    return each.mean((0, 2, 3)).sum()

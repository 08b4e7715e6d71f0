"""Statistics of batch norms, computed anew on frames of a target (AdaBN).

Li et al., "Revisiting Batch Normalization For Practical Domain Adaptation", ICLR 2017
workshop.
"""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class NoStatisticsError(ValueError):
    """A network has no statistics that could be computed anew."""


@torch.no_grad()
def recompute_statistics(network: nn.Module, batches: Iterable[Tensor]) -> int:
    """Replace running statistics of batch norms by means over batches of images.

    Nothing is trained, and nothing else changes, nor do norms of layers that do not run
    in a forward pass: unlike ``torch.optim.swa_utils.update_bn``, it leaves dropout and
    dropped paths off, which would move the statistics of the layers behind them. Each
    batch weighs the same.

    Norms that keep their statistics in training, too (``norm_eval``, frozen stages),
    are left as they are: the weights around them were trained with those of another
    data set, such as ImageNet, and not with the source's.

    Args:
        network: Network that computes on (B, 3, H, W) images; it is left in the mode of
            tests.
        batches: Normalised images, of B > 1 or many pixels.

    Returns:
        Number of batches.

    Raises:
        NoStatisticsError: The network has no batch norm whose running statistics move
            in training.
        ValueError: There is no batch.
    """
    network.train()  # which some norms ignore
    norms = [
        each
        for each in network.modules()
        if isinstance(each, _BatchNorm) and each.track_running_stats and each.training
    ]
    network.eval()
    if not norms:
        raise NoStatisticsError(
            f"{type(network).__name__} has no batch norm whose statistics move in "
            f"training, to be computed anew: choose another method, such as MeanTeacher"
        )
    before = [copy.deepcopy(each.state_dict()) for each in norms]
    momenta = [each.momentum for each in norms]
    for each in norms:
        each.reset_running_stats()
        each.momentum = None  # a mean over all batches
        each.train()
    number = 0
    try:
        for images in batches:
            network(images)
            number += 1
    finally:
        for each, state, momentum in zip(norms, before, momenta, strict=True):
            if not each.num_batches_tracked:  # of an auxiliary head, which did not run
                each.load_state_dict(state)
            each.momentum = momentum
            each.eval()
    if not number:
        raise ValueError("batches is empty: the target has no frames")
    return number

"""Copies of a network that are not trained: fixed ones, and moving averages."""

import copy

import torch
from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor, nn

from mmseg_splashkd.models.adaptation.methods.method import AdaptationMethod


class CopyingMethod(AdaptationMethod):
    """Base of methods with copies of the network, the modules named by ``copies``.

    They have no dropout and their own statistics always, and no weights of their own
    at the start: those of the network are copied in the first step, when its weights
    are loaded.
    """

    copies: tuple[str, ...] = ("teacher",)

    def bind(self, network: EncoderDecoder) -> None:
        """Build the copies, without gradients."""
        for name in self.copies:
            copied = copy.deepcopy(network).requires_grad_(requires_grad=False)
            self.add_module(name, copied)

    def init_weights(self) -> None:
        """Nothing: weights are copied in the first step."""

    def train(self, mode: bool = True) -> "CopyingMethod":
        """Set the mode; copies stay in that of tests."""
        super().train(mode)
        for name in self.copies:
            self.get_submodule(name).eval()
        return self


@torch.no_grad()
def follow(copied: nn.Module, network: nn.Module, decay: float) -> None:
    """Move a copy towards a network.

    Args:
        copied: Network of the same kind.
        network: The network that is trained.
        decay: Weight of the copy in [0, 1); counters, and all tensors for 0, are
            copied.
    """
    for own, value in zip(_tensors(copied), _tensors(network), strict=True):
        if own.is_floating_point() and decay:
            own.lerp_(value, 1 - decay)
        else:
            own.copy_(value)


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]

"""Mixed precision of a training step on a CPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmseg.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """``OptimWrapper`` that computes networks in bfloat16 on a CPU.

    Weights, gradients, the state of the optimizer and losses stay in float32; only
    convolutions and matrix products are computed in bfloat16. It has the exponent of
    float32, so the loss needs no scale, and a checkpoint is that of ``OptimWrapper``.
    MMEngine's ``AmpOptimWrapper`` cannot be built without a GPU. ``tools/train.py
    --amp`` takes the one that fits the machine.

    The arguments are those of ``OptimWrapper``.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Compute in bfloat16; see ``OptimWrapper`` for what else holds.

        Args:
            model: The model that is trained.
        """
        with super().optim_context(model), torch.autocast("cpu", torch.bfloat16):
            yield

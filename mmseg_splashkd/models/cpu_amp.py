"""Mixed precision of a training step on a CPU."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from mmseg.registry import OPTIM_WRAPPERS
from torch import nn

from mmseg_splashkd.models.bare_model import bare_model
from mmseg_splashkd.models.bf16_check import checked_layers


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """``OptimWrapper`` that computes networks in bfloat16 on a CPU.

    Weights, gradients, the state of the optimizer and losses stay in float32; only
    convolutions and matrix products are computed in bfloat16. It has the exponent of
    float32, so the loss needs no scale, and a checkpoint is that of ``OptimWrapper``.
    In the first step every layer is compared with float32; see ``checked_layers``.

    MMEngine's ``AmpOptimWrapper`` cannot be built without a GPU. ``tools/train.py
    --amp`` takes the one that fits the machine.

    Args:
        **kwargs: Arguments of ``OptimWrapper``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._is_checked = False

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Compute in bfloat16; see ``OptimWrapper`` for what else holds.

        Args:
            model: The model that is trained.

        Raises:
            WrongLayerError: This build of torch computes a layer wrongly.
        """
        with ExitStack() as stack:
            stack.enter_context(super().optim_context(model))
            stack.enter_context(torch.autocast("cpu", torch.bfloat16))
            for network in () if self._is_checked else _networks(model):
                stack.enter_context(checked_layers(network))
            yield
        self._is_checked = True


def _networks(model: nn.Module) -> list[nn.Module]:
    """A model, and the teacher of a distillation, which is no part of it.

    A teacher with a precision of its own computes in it, and checks itself.
    """
    bare = bare_model(model)
    teachers = getattr(bare, "teachers", None)
    if teachers is None or teachers.precision is not None:
        return [bare]
    return [bare, teachers]

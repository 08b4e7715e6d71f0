"""Restores what an iteration without a step of the optimizer would still change."""

from typing import Any

import torch
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner
from torch import Tensor

from mmseg_splashkd.models.bare_model import bare_model


class SkippedStep(Hook):
    """Leave buffers and moving averages as they are in an iteration that is skipped.

    Its forward pass has changed batch-norm statistics already, and ``EMAHook`` averages
    after every iteration.
    """

    priority = "LOW"  # after EMAHook, before CheckpointHook

    def __init__(self) -> None:
        self._buffers: list[Tensor] = []
        self._averages: list[tuple[Tensor, Tensor]] = []

    def before_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Copy the buffers, such as batch-norm statistics."""
        self._buffers = [each.clone() for each in bare_model(runner.model).buffers()]

    def skip(self, runner: Runner) -> None:
        """Restore the buffers now, and the moving averages after they are updated."""
        model = bare_model(runner.model)
        _restore(zip(model.buffers(), self._buffers, strict=True))
        averages = [h.ema_model for h in runner.hooks if isinstance(h, EMAHook)]
        tensors = [each for model in averages for each in model.state_dict().values()]
        self._averages = [(each, each.clone()) for each in tensors]

    def after_train_iter(self, *_: Any, **__: Any) -> None:
        """Restore the moving averages of an iteration that is skipped."""
        _restore(self._averages)
        self._averages = []


@torch.no_grad()
def _restore(pairs: Any) -> None:
    for tensor, before in pairs:
        tensor.copy_(before)

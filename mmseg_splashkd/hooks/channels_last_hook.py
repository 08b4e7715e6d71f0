"""Keeps the weights of convolutions in channels-last order."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.models.bare_model import bare_model


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Keep the weights of convolutions, of a teacher too, in channels-last order.

    torch then computes convolutions on feature maps whose channels lie next to each
    other in memory. From the same weights the numbers are the same up to rounding, and
    a checkpoint can be used with and without this hook. Weights that are drawn at
    random are others than without it, with the same seed: they are drawn in the order
    of memory.
    """

    priority = "VERY_HIGH"  # before EMAHook copies the model

    def before_run(self, runner: Runner) -> None:
        """Change the order, before weights are loaded into it."""
        model: Any = bare_model(runner.model)
        model.to(memory_format=torch.channels_last)

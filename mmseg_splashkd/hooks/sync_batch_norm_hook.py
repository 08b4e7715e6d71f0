"""Averages BatchNorm statistics over the ranks."""

from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@HOOKS.register_module()
class SyncBatchNormHook(Hook):
    """Keep the running statistics of plain BatchNorm equal on all ranks.

    On GPUs ``sync_bn = 'torch'`` does this. It does not support CPUs: without this
    hook, each rank would validate, and rank 0 would save, the statistics of its own
    batches.
    """

    priority = "ABOVE_NORMAL"  # before hooks that average or save the model

    def after_train_iter(self, runner: Runner, *_, **__) -> None:
        """Average the statistics over the ranks."""
        if runner.world_size == 1:
            return
        for module in runner.model.modules():
            if isinstance(module, nn.SyncBatchNorm) or not isinstance(
                module, _BatchNorm
            ):
                continue
            for statistic in (module.running_mean, module.running_var):
                if statistic is not None:
                    all_reduce(statistic, "mean")

"""Saves the last weights of a run that ends before its last iteration."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.hooks.whole_checkpoint_hook import save_now


@HOOKS.register_module()
class EarlyStopHook(Hook):
    """Save a checkpoint where ``EarlyStoppingHook`` ended the run, and log it.

    ``CheckpointHook`` saves at its interval and at the last iteration, which such a run
    does not reach.
    """

    priority = "VERY_LOW"  # before ExportWeightsHook, which exports the checkpoint

    def after_train(self, runner: Runner) -> None:
        """Save the weights unless those of this iteration are saved already."""
        reason = early_stop(runner)
        if reason is None:
            return
        runner.logger.warning(f"{reason}: the last weights are those of this iteration")
        save_now(runner, runner.iter, if_last=True)


def early_stop(runner: Runner) -> str | None:
    """Where a run ended before its last iteration; None if it did not."""
    if runner.iter >= runner.max_iters:
        return None
    return f"stopped early at iteration {runner.iter} of {runner.max_iters}"

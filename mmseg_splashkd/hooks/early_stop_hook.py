"""Saves the last weights of a run that ends before its last iteration."""

from pathlib import Path

from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


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
        for hook in runner.hooks:
            if isinstance(hook, CheckpointHook) and hook.save_last:
                _save(runner, hook)


def early_stop(runner: Runner) -> str | None:
    """Where a run ended before its last iteration; None if it did not."""
    if runner.iter >= runner.max_iters:
        return None
    return f"stopped early at iteration {runner.iter} of {runner.max_iters}"


def _save(runner: Runner, hook: CheckpointHook) -> None:
    step = runner.epoch if hook.by_epoch else runner.iter
    name = hook.filename_tmpl.format(step)
    last = runner.message_hub.get_info("last_ckpt")
    if last is None or Path(last).name != name or not Path(last).is_file():
        # The step of CheckpointHook._save_checkpoint is that after the present one.
        meta = {"epoch": runner.epoch, "iter": runner.iter}
        hook._save_checkpoint_with_step(runner, step, meta)

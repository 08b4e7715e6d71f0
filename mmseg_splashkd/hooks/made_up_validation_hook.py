"""Makes up for a validation that was cut off."""

from typing import Any

from mmengine.hooks import Hook, ParamSchedulerHook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmseg.registry import HOOKS

# In the message hub, and so in checkpoints. (Names that begin with val are logged.)
VALIDATED = "last_validation"


@HOOKS.register_module()
class MadeUpValidationHook(Hook):
    """Validate the weights that a run is resumed with, where a validation is due there.

    A checkpoint is saved before the validation of its iteration. A run that was killed
    in between, in the validation, or before its results were all written, has then the
    best weights, operating point, scores and record of an uninterrupted one. Where the
    validation was complete, repeating it gives the same once more.
    """

    priority = "LOWEST"  # after all others have begun

    def before_train(self, runner: Runner) -> None:
        """Validate, if the run is resumed at an iteration or epoch of a validation."""
        loop: Any = runner.train_loop
        if not runner.iter or runner.val_loop is None or not validation_is_due(loop):
            return
        runner.logger.info(f"validates iteration {runner.iter}, which is resumed from")
        stepped = runner.message_hub.get_info(VALIDATED) == runner.iter
        hooks = list(runner.hooks)
        if stepped:  # schedules that follow a metric have counted this one already
            kept = [h for h in hooks if not isinstance(h, ParamSchedulerHook)]
            runner.hooks[:] = kept
        try:
            runner.val_loop.run()
        finally:
            runner.hooks[:] = hooks


@HOOKS.register_module()
class NoteValidationHook(Hook):
    """Note the iteration of a validation in every checkpoint that is saved after it."""

    priority = "LOW"  # before CheckpointHook

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Note it."""
        runner.message_hub.update_info(VALIDATED, runner.iter)


def validation_is_due(loop: Any) -> bool:
    """Whether a training loop validates after what it has done so far.

    Args:
        loop: ``IterBasedTrainLoop`` or ``EpochBasedTrainLoop`` of mmengine, or a
            subclass; for other loops the result is False.
    """
    if not hasattr(loop, "val_interval") or not hasattr(loop, "val_begin"):
        return False
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    done, last = (
        (loop.epoch, loop.max_epochs) if by_epoch else (loop.iter, loop.max_iters)
    )
    loop._decide_current_val_interval()
    return done >= loop.val_begin and (done % loop.val_interval == 0 or done == last)

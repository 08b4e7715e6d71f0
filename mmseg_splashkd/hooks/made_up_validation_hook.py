"""Makes up for a validation that was cut off."""

from bisect import bisect
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.hooks.before_validation import (
    counters,
    forget_waiting,
    put_state,
    restore_counters,
    state_before_validation,
)
from mmseg_splashkd.hooks.resumed_epoch_hook import batches_done

KEY = "validation"  # in checkpoints


@HOOKS.register_module()
class NoteValidationHook(Hook):
    """Let every checkpoint hold the state before the validation of its iteration.

    It is written before that validation, and again where it finds better weights, or
    where the run ends after it. The second one would hold the best score, steps of
    schedules that follow a metric and counters of early stopping, or some of them:
    which, depends on the order of the hooks.
    """

    def __init__(self) -> None:
        self._state: dict[str, Any] | None = None  # before the validation

    def before_val(self, runner: Runner) -> None:
        """Keep the state."""
        self._state = state_before_validation(runner)

    def before_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Forget it: the next iteration follows the validation."""
        self._state = None

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Put it into a checkpoint that a run can be resumed from."""
        if "optimizer" not in checkpoint:
            return
        early = counters(runner)
        if self._state is not None:
            early = self._state["early_stopping"]
            put_state(checkpoint, self._state)
        begun = self._state is not None
        checkpoint[KEY] = {"begun": begun, "early_stopping": early}
        checkpoint[KEY]["max_iters"] = runner.max_iters


@HOOKS.register_module()
class MadeUpValidationHook(Hook):
    """Validate the weights that a run is resumed with, where a validation is due there.

    A run that was killed before that validation, in it, or before its results were all
    written, has then the best weights, operating point, scores, early stopping and
    record of an uninterrupted one (see ``NoteValidationHook``). Where the validation
    was complete, repeating it gives the same once more: a resume costs one validation.
    """

    priority = "LOWEST"  # after all others have begun

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep what the checkpoint says of its validation."""
        self._loaded = checkpoint.get(KEY) or {}

    def before_train(self, runner: Runner) -> None:
        """Validate, if the run is resumed at an iteration or epoch of a validation."""
        if not runner.iter:
            return
        restore_counters(runner, self._loaded.get("early_stopping", []))
        # One that has begun is made up for even where a longer schedule has none there.
        due = self._loaded.get("begun") or validation_is_due(runner.train_loop)
        if due and runner.val_loop is not None:
            runner.logger.info(f"validates iteration {runner.iter}, which is resumed")
            runner.val_loop.run()
            self._train_on(runner)

    def _train_on(self, runner: Runner) -> None:
        """Undo early stopping at this iteration, where more of them are asked for."""
        loop: Any = runner.train_loop
        if not getattr(loop, "stop_training", False):
            return
        planned = self._loaded.get("max_iters", runner.max_iters)
        if runner.max_iters > planned:
            loop.stop_training = False
            forget_waiting(runner)
            runner.logger.info(
                f"trains on to iteration {runner.max_iters}, {planned} before: early "
                f"stopping counts from here again"
            )


def validation_is_due(loop: Any) -> bool:
    """Whether a training loop validates after what it has done so far.

    Args:
        loop: ``IterBasedTrainLoop`` or ``EpochBasedTrainLoop`` of mmengine, or a
            subclass; for other loops, and within an epoch, the result is False.
    """
    if not hasattr(loop, "dynamic_intervals") or batches_done(loop):
        return False
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    done, last = (
        (loop.epoch, loop.max_epochs) if by_epoch else (loop.iter, loop.max_iters)
    )
    # The interval that mmengine takes after an iteration or epoch.
    interval = loop.dynamic_intervals[bisect(loop.dynamic_milestones, done + 1) - 1]
    return done >= loop.val_begin and (done % interval == 0 or done == last)

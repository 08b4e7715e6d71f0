"""Ends a run whose weights are not finite, before they are validated or saved."""

from typing import Any

from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.checkpoint import not_finite
from mmseg_splashkd.hooks.not_finite import NotFiniteError, causes, listed
from mmseg_splashkd.hooks.stop_request import any_process
from mmseg_splashkd.models.bare_model import bare_model


@HOOKS.register_module()
class FiniteWeightsHook(Hook):
    """End a run whose weights or batch-norm statistics are NaN or infinite.

    They are read before every validation and every checkpoint, with moving averages of
    them: none that are not finite are validated, saved, exported or selected. All
    processes end at the same iteration. ``FiniteGuardHook`` adds this hook.
    """

    priority = "LOW"  # after EMAHook, before CheckpointHook

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Check the weights if a checkpoint is due.

        Raises:
            NotFiniteError: They are not finite, in this process or in another.
        """
        if _checkpoint_is_due(runner):
            _check_weights(runner, runner.iter + 1)

    def after_train_epoch(self, runner: Runner) -> None:
        """Check the weights before a checkpoint by epoch, or of an early stop.

        Raises:
            NotFiniteError: They are not finite.
        """
        _check_weights(runner, runner.iter)

    def before_val_epoch(self, runner: Runner) -> None:
        """Check the weights before they are validated.

        Raises:
            NotFiniteError: They are not finite.
        """
        _check_weights(runner, runner.iter)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check what a checkpoint would hold, such as moving averages.

        Raises:
            NotFiniteError: It is not finite.
        """
        # mmengine calls this in the first process alone.
        if names := not_finite(checkpoint["state_dict"]):
            raise _error(runner, names, checkpoint["meta"]["iter"])


def _check_weights(runner: Runner, iteration: int) -> None:
    names = not_finite(bare_model(runner.model).state_dict())
    if any_process(bool(names)):
        raise _error(runner, names, iteration)


def _error(runner: Runner, names: list[str], iteration: int) -> NotFiniteError:
    return NotFiniteError(
        f"weights are not finite at iteration {iteration}",
        f"{listed(names) or 'in another process'}. {causes(runner)}, or a batch norm "
        f"over one value per channel. They were not saved",
    )


def _checkpoint_is_due(runner: Runner) -> bool:
    """Whether a hook saves after this iteration; mmengine's deletes another first."""
    saves = [
        h for h in runner.hooks if isinstance(h, CheckpointHook) and not h.by_epoch
    ]
    return any(
        hook.every_n_train_iters(runner, hook.interval, hook.save_begin)
        or (hook.save_last and hook.is_last_train_iter(runner))
        for hook in saves
    )

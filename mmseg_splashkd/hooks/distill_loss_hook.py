"""Saves and restores the weights of a distillation loss."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.checkpoint import load_strict
from mmseg_splashkd.models.bare_model import bare_model

KEY = "distill_loss"  # in a checkpoint


@HOOKS.register_module()
class DistillLossHook(Hook):
    """Store the learned weights of a distillation loss (projectors) in checkpoints.

    The ``state_dict`` of a checkpoint contains the student only, so these weights have
    a separate key. They are restored in every resumed run, for any runner and any
    method of resuming. A run that only starts from weights (``load_from``) has new
    projectors.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, Any] | None = None  # the last checkpoint that was read

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Store the weights of the loss, if it has any."""
        if (loss := _distill_loss(runner)) is not None and loss.state_dict():
            checkpoint[KEY] = loss.state_dict()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep the weights until it is clear whether the run is resumed."""
        self._loaded = checkpoint.get(KEY, {})

    def before_train(self, runner: Runner) -> None:
        """Restore the weights if the run is resumed.

        Raises:
            RuntimeError: The checkpoint lacks them, or they do not fit.
        """
        loss, weights = _distill_loss(runner), self._loaded
        self._loaded = None
        # Only a resumed run starts after iteration 0.
        if loss is not None and weights is not None and runner.iter > 0:
            load_strict(loss, weights, f"{KEY!r} of the resumed checkpoint")


def _distill_loss(runner: Runner) -> Any:
    return getattr(bare_model(runner.model), "distill_loss", None)

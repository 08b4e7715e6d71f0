"""Saves and restores what a training has learned beside the student."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.checkpoint import load_strict
from mmseg_splashkd.models.bare_model import bare_model
from mmseg_splashkd.models.segmentors.wrapper import StudentWrapper


@HOOKS.register_module()
class DistillLossHook(Hook):
    """Store the weights of a ``StudentWrapper`` beside its student in checkpoints.

    They are the projectors of a distillation loss, or the discriminators, prototypes
    and moving averages of an adaptation. The ``state_dict`` of a checkpoint contains
    the student only, so they have a separate key, ``training_part`` of the class. They
    are restored in every resumed run, for any runner and any method of resuming. A run
    that only starts from weights (``load_from``) has new ones.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, Any] | None = None  # the last checkpoint that was read

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Store the weights, if there are any."""
        model = _wrapper(runner)
        if model is not None and (weights := model.part().state_dict()):
            checkpoint[model.training_part] = weights

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep the weights until it is clear whether the run is resumed."""
        model = _wrapper(runner)
        if model is not None:
            self._loaded = checkpoint.get(model.training_part, {})

    def before_train(self, runner: Runner) -> None:
        """Restore the weights if the run is resumed.

        Raises:
            RuntimeError: The checkpoint lacks them, or they do not fit.
        """
        model, weights = _wrapper(runner), self._loaded
        self._loaded = None
        # Only a resumed run starts after iteration 0.
        if model is not None and weights is not None and runner.iter > 0:
            where = f"{model.training_part!r} of the resumed checkpoint"
            load_strict(model.part(), weights, where)


def _wrapper(runner: Runner) -> StudentWrapper | None:
    model = bare_model(runner.model)
    return model if isinstance(model, StudentWrapper) else None

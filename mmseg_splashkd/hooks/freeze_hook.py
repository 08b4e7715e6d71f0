"""Trains a part of a network only."""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.models.bare_model import bare_model


@HOOKS.register_module()
class FreezeHook(Hook):
    """Freeze all parameters but those of some modules.

    A frozen parameter has no gradient, so the optimizer leaves it as it is, also its
    weight decay. Nothing is computed backwards below the first trained module. The
    modules stay in training mode: dropout is applied, BatchNorm statistics follow the
    frames. What a training needs beside a student, such as projectors of features and
    discriminators, is trained as always. With several processes, set
    ``find_unused_parameters=True``.

    Args:
        trained: Names of modules or parameters, such as ``'decode_head'``: a parameter
            is trained if one of them is a part of its dotted name.

    Raises:
        ValueError: ``trained`` is empty.
    """

    priority = "VERY_HIGH"  # before hooks that look for trained parameters

    def __init__(self, trained: Sequence[str]) -> None:
        if isinstance(trained, str) or not trained:
            raise ValueError(
                f"trained={trained!r} must be a list of names of modules, such as "
                f"['decode_head']"
            )
        self.trained = set(trained)

    def before_train(self, runner: Runner) -> None:
        """Freeze the parameters of the model.

        Raises:
            ValueError: One of ``trained`` names no parameter of the model.
        """
        model = bare_model(runner.model)
        found, count = set(), 0
        apart = f"{getattr(model, 'training_part', '')}."
        for name, parameter in model.named_parameters():
            named = self.trained & set(name.split("."))
            found |= named
            if name.startswith(apart):
                continue
            parameter.requires_grad_(bool(named))
            count += parameter.numel() if named else 0
        if unknown := sorted(self.trained - found):
            # Of a distillation, the names of its parameters are those of the student.
            parts = {name.partition(".")[0] for name, _ in model.named_parameters()}
            raise ValueError(
                f"FreezeHook: trained={unknown} names no module with parameters: give "
                f"parts of dotted names, such as {sorted(parts)}"
            )
        print_log(f"Training {count} weights, the others are frozen", runner.logger)

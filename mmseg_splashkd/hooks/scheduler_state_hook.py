"""Checkpoints hold values of the schedules, and no code."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class SchedulerStateHook(Hook):
    """Leave functions of schedules, such as of ``OneCycleLR``, out of checkpoints.

    MMEngine stores all attributes of a schedule. A checkpoint with a function is
    refused when it is read, since it may run code. A resumed run builds the schedule
    from its config, and so has the function.
    """

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Remove the functions."""
        schedulers = checkpoint.get("param_schedulers")
        if schedulers:
            checkpoint["param_schedulers"] = _without_functions(schedulers)


def _without_functions(state: Any) -> Any:
    if isinstance(state, dict):
        kept = {key: value for key, value in state.items() if not callable(value)}
        return {key: _without_functions(value) for key, value in kept.items()}
    return [*map(_without_functions, state)] if isinstance(state, list) else state

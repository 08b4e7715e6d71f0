"""The state of a run before a validation changes it."""

import copy
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import EarlyStoppingHook
from mmengine.runner import Runner

from mmseg_splashkd.hooks.whole_checkpoint_hook import REPLACED

# Names of files that a validation may remove: always the present ones.
FILES = ("last_ckpt", "keep_ckpt_ids", REPLACED)
COUNTERS = ("wait_count", "best_score")  # of EarlyStoppingHook


def state_before_validation(runner: Runner) -> dict[str, Any]:
    """Copy what a validation changes: best score, learning rates, early stopping.

    Weights and the moments of the optimizer are not among it.
    """
    wrapper: Any = runner.optim_wrapper
    return {
        "runtime_info": dict(runner.message_hub.runtime_info),
        "optimizer": _without_moments(wrapper.state_dict()),
        "param_schedulers": copy.deepcopy(_states(runner.param_schedulers)),
        "early_stopping": counters(runner),
    }


def put_state(checkpoint: dict[str, Any], state: Mapping[str, Any]) -> None:
    """Write a state into a checkpoint that is saved during or after the validation.

    Args:
        checkpoint: Checkpoint of mmengine with an optimizer; changed in place.
        state: Return value of ``state_before_validation``.
    """
    kept, hub = state["runtime_info"], checkpoint["message_hub"]
    hub["runtime_info"] = {
        key: value if key in FILES else kept[key]
        for key, value in hub["runtime_info"].items()
        if key in FILES or key in kept
    }
    _put_back(checkpoint["optimizer"], state["optimizer"])
    if "param_schedulers" in checkpoint:
        checkpoint["param_schedulers"] = copy.deepcopy(state["param_schedulers"])


def counters(runner: Runner) -> list[dict[str, float]]:
    """Counters of each ``EarlyStoppingHook``, which mmengine does not save."""
    return [
        {name: float(getattr(hook, name)) for name in COUNTERS}
        for hook in _early_stopping(runner)
    ]


def restore_counters(runner: Runner, saved: list[dict[str, float]]) -> None:
    """Set the counters of each ``EarlyStoppingHook``, unless their number differs."""
    hooks = _early_stopping(runner)
    for hook, values in zip(hooks, saved, strict=False):
        for name, value in values.items():
            setattr(hook, name, int(value) if name == "wait_count" else value)


def forget_waiting(runner: Runner) -> None:
    """Let each ``EarlyStoppingHook`` count validations without progress from zero."""
    for hook in _early_stopping(runner):
        hook.wait_count = 0


def _early_stopping(runner: Runner) -> list[EarlyStoppingHook]:
    return [hook for hook in runner.hooks if isinstance(hook, EarlyStoppingHook)]


def _states(schedulers: Any) -> Any:
    if isinstance(schedulers, Mapping):  # of several optimizers
        return {name: _states(each) for name, each in schedulers.items()}
    return [each.state_dict() for each in schedulers or ()]


def _without_moments(state: Mapping[str, Any]) -> dict[str, Any]:
    if "param_groups" not in state:  # of several optimizers
        return {
            name: _without_moments(each)
            for name, each in state.items()
            if isinstance(each, Mapping)
        }
    return {key: copy.deepcopy(each) for key, each in state.items() if key != "state"}


def _put_back(state: dict[str, Any], kept: Mapping[str, Any]) -> None:
    if "param_groups" in state:
        state.update(copy.deepcopy(dict(kept)))
        return
    for name, each in kept.items():
        _put_back(state[name], each)

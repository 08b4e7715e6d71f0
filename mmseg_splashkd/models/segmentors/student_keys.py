"""Checkpoints of a distilled student have the keys of the plain one."""

from typing import Any

from torch import nn


def save_as_student(_: nn.Module, state_dict: dict, prefix: str, *__: Any) -> None:
    """State dict hook: keys of the plain student, without weights of the loss."""
    for key in list(state_dict):
        if key.startswith(f"{prefix}student."):
            plain = prefix + key.removeprefix(f"{prefix}student.")
            state_dict[plain] = state_dict.pop(key)
        elif key.startswith(f"{prefix}distill_loss."):
            del state_dict[key]


def load_as_student(module: Any, state_dict: dict, prefix: str, *_: Any) -> None:
    """Hook before loading: the reverse; the loss keeps its weights."""
    for key in list(state_dict):
        if key.startswith(prefix):
            own = f"{prefix}student.{key.removeprefix(prefix)}"
            state_dict[own] = state_dict.pop(key)
    for key, value in module.distill_loss.state_dict().items():
        state_dict[f"{prefix}distill_loss.{key}"] = value  # stays unchanged

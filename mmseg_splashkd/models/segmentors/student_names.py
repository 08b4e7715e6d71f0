"""Names of a wrapper's tensors: the student's are those of the plain model."""

from typing import Any

STUDENT = "student."


def plain_name(name: str, prefix: str = "") -> str:
    """The name that a tensor of the student has without a teacher; others as they are.

    Args:
        name: Dotted name.
        prefix: What precedes the names of the wrapper, such as ``"model."``.
    """
    wrapped = prefix + STUDENT
    if not name.startswith(wrapped):
        return name
    return prefix + name.removeprefix(wrapped)


def save_as_student(
    module: Any, state_dict: dict, prefix: str, local_metadata: Any
) -> None:
    """Hook of ``state_dict``: the student's tensors alone, by their plain names."""
    for key in list(state_dict):
        if key.startswith(f"{prefix}{module.training_part}."):
            del state_dict[key]
        elif key.startswith(prefix + STUDENT):
            state_dict[plain_name(key, prefix)] = state_dict.pop(key)


def load_as_student(module: Any, state_dict: dict, prefix: str, *_: Any) -> None:
    """Hook of ``load_state_dict``: a plain student's tensors; the rest keeps its own.

    Args:
        module: A ``StudentWrapper``.
        state_dict: Tensors of a plain student; changed in place.
        prefix: What precedes their names.
    """
    for key in list(state_dict):
        if key.startswith(prefix):
            own = f"{prefix}{STUDENT}{key.removeprefix(prefix)}"
            state_dict[own] = state_dict.pop(key)
    for key, value in module.part().state_dict().items():
        state_dict[f"{prefix}{module.training_part}.{key}"] = value

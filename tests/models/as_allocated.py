"""Builds large networks in no time, for tests that do not read their weights."""

from torch.overrides import TorchFunctionMode


class AsAllocated(TorchFunctionMode):
    """Leaves new weights as they are: to draw those of a B5 takes seconds."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        draws = ("uniform_", "normal_", "kaiming_uniform_", "kaiming_normal_")
        if getattr(func, "__name__", "") in draws:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))

"""The losses of an iteration, read without letting a GPU wait."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


class StepLosses:
    """Losses of the forward passes of a model since they were last cleared.

    Whether they are finite is computed where they are, and copied while the backward
    pass runs: reading it waits for the forward pass alone, behind which a GPU has work.

    Attributes:
        terms: Name -> value of the total and its terms, as mmengine logs them.
    """

    def __init__(self) -> None:
        self.terms: dict[str, Any] = {}
        self._flags: list[tuple[Tensor, Any]] = []

    def clear(self) -> None:
        """Forget the losses."""
        self.terms, self._flags = {}, []

    def follow(self, model: nn.Module) -> RemovableHandle:
        """Note the losses of every forward pass of a model that computes them.

        Args:
            model: Model with mmengine's ``parse_losses``, without a wrapper. The losses
                of another one stay unknown.
        """

        def note(module: Any, _: Any, given: Mapping[str, Any], output: Any) -> None:
            parse = getattr(module, "parse_losses", None)
            if given.get("mode") == "loss" and parse and isinstance(output, Mapping):
                with torch.no_grad():
                    total, terms = parse(output)
                    self._add(total, terms)

        # A function, and no method: copies of the model are not to copy this object.
        return model.register_forward_hook(note, with_kwargs=True)

    def _add(self, total: Any, terms: Mapping[str, Any]) -> None:
        self.terms |= terms
        if isinstance(total, Tensor):
            self._flags.append(_sent(torch.isfinite(total).all()))

    @property
    def are_known(self) -> bool:
        """Whether a loss was noted."""
        return bool(self._flags)

    def are_finite(self) -> bool:
        """Whether all losses are finite; waits until they are computed."""
        return all(_received(flag, event) for flag, event in self._flags)


def _sent(flag: Tensor) -> tuple[Tensor, Any]:
    """Start to copy a value to the CPU."""
    if not flag.is_cuda:
        return flag, None
    host = torch.empty(flag.shape, dtype=flag.dtype, pin_memory=True)
    host.copy_(flag, non_blocking=True)
    event = torch.cuda.Event()
    event.record()
    return host, event


def _received(flag: Tensor, event: Any) -> bool:
    if event is not None:
        event.synchronize()
    return bool(flag)

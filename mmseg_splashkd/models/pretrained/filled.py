"""What of a module the weights it started from have filled."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

SHOWN = 4  # names of each kind in a message


class NotFilledError(ValueError):
    """Weights were read, and do not fill their module."""


@dataclass(frozen=True)
class Filled:
    """Names of tensors with floating-point values, by what became of them.

    Args:
        total: Number of those of the module that were to be filled.
        constant: Number of those that were, and have one value only, as many do that
            nothing has filled.
        missing: Of the module, without any in the file.
        reshaped: Of the module, with another shape in the file.
        changed: Of the module, whose values are not those of the file.
        unused: Of the file.
    """

    total: int
    constant: int
    missing: list[str]
    reshaped: list[str]
    changed: list[str]
    unused: list[str]

    @property
    def number(self) -> int:
        """Number of tensors of the module whose values are in the file."""
        parts = (self.missing, self.reshaped, self.changed)
        return self.total - sum(map(len, parts))

    @property
    def nothing(self) -> bool:
        """Whether the module has no values that only the file can have given it."""
        return self.number == self.constant < self.total

    def __str__(self) -> str:
        text = [f"{self.number} of {self.total} tensors are those of the file"]
        for label, names in (
            ("without any there", self.missing),
            ("of another shape there", self.reshaped),
            ("with other values there", self.changed),
            ("not used of the file", _parents(self.unused)),
        ):
            if names:
                text.append(f"{label}: {_listed(names)}")
        return "; ".join(text)


def compare(
    module: nn.Module, tensors: Mapping[str, Tensor], new: Collection[str] = ()
) -> Filled:
    """Compare a module with the weights that it was started from.

    Values are compared, not names: some backbones rename what they read.

    Args:
        module: After it was initialised.
        tensors: What it read, by name.
        new: Parts of the module, by dotted name, that need none.
    """
    wanted = _floating(module.state_dict())
    wanted = {name: value for name, value in wanted.items() if not is_in(name, new)}
    given = _floating(tensors)
    rest = [name for name in wanted if not _equal(wanted[name], given.get(name))]
    unused = {name: given[name] for name in given if name in rest or name not in wanted}
    elsewhere: dict[Any, list[str]] = {}
    for name in unused if rest else ():
        elsewhere.setdefault(_digest(unused[name]), []).append(name)
    missing, reshaped, changed = [], [], []
    for name in rest:
        if sources := elsewhere.get(_digest(wanted[name])):
            unused.pop(sources.pop() if len(sources) > 1 else sources[0], None)
        elif name not in given:
            missing.append(name)
        elif given[name].shape != wanted[name].shape:
            shapes = (tuple(each[name].shape) for each in (wanted, given))
            reshaped.append("{} {}, not {}".format(name, *shapes))
        else:
            changed.append(name)
    without = {*missing, *changed, *(text.split(" ")[0] for text in reshaped)}
    constant = [n for n, v in wanted.items() if n not in without and v.min() == v.max()]
    return Filled(len(wanted), len(constant), missing, reshaped, changed, list(unused))


def is_in(name: str, parts: Iterable[str]) -> bool:
    """Whether a dotted name is one of several parts, or in one."""
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def _floating(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: value
        for name, value in tensors.items()
        if isinstance(value, Tensor) and value.is_floating_point()
    }


def _equal(own: Tensor, other: Tensor | None) -> bool:
    if other is None or own.shape != other.shape:
        return False
    return torch.equal(own.detach().cpu(), other.to(own.dtype))


def _digest(value: Tensor) -> tuple[torch.Size, bytes]:
    raw = value.detach().cpu().float().contiguous().numpy()
    return value.shape, hashlib.blake2b(raw.tobytes(), digest_size=16).digest()


def _parents(names: list[str]) -> list[str]:
    """Modules that tensors belong to, such as a classifier."""
    return list(dict.fromkeys(name.rpartition(".")[0] or name for name in names))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more

"""The heads of a segmentor, as lists: one decode head, or a cascade of several."""

from typing import Any

from torch import nn


def decode_heads(model: Any) -> list[Any]:
    """Decode heads in execution order; each except the first uses the previous logits.

    A plain ``EncoderDecoder`` has one, a ``CascadeEncoderDecoder`` several.
    """
    return _listed(model.decode_head)


def last_head(model: Any) -> Any:
    """The decode head whose logits are the output of the segmentor."""
    return decode_heads(model)[-1]


def auxiliary_heads(model: Any) -> list[Any]:
    """Auxiliary heads, which are used in training only."""
    return _listed(model.auxiliary_head) if model.with_auxiliary_head else []


def _listed(heads: Any) -> list[Any]:
    return list(heads) if isinstance(heads, nn.ModuleList) else [heads]

"""The heads of a segmentor, as lists: one decode head, or a cascade of several."""

from typing import Any, NamedTuple

from mmseg.models.decode_heads import DDRHead, PIDHead
from torch import nn


class Branches(NamedTuple):
    """What a head with several outputs in training returns.

    Attributes:
        main: Index of the logits that are the prediction.
        label_loss: Key of the loss between them and the labels.
    """

    main: int
    label_loss: str


BRANCHES = {
    PIDHead: Branches(1, "loss_sem_i"),  # detail, integral, boundary
    DDRHead: Branches(0, "loss_context"),  # context, spatial
}


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


def branches_of(head: Any) -> Branches | None:
    """What a head with several outputs in training returns; None for one output."""
    for kind, branches in BRANCHES.items():
        if isinstance(head, kind):
            return branches
    return None

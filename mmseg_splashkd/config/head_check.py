"""Checks the losses of heads with one output channel."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import CrossEntropyLoss
from mmseg.registry import MODELS

from mmseg_splashkd.config.faults import ConfigError
from mmseg_splashkd.config.types import classes, is_a, is_from, type_name
from mmseg_splashkd.config.walk import plain_model
from mmseg_splashkd.models.losses import SoftmaxFocalLoss
from mmseg_splashkd.models.losses.head_settings import IGNORE_INDEX
from mmseg_splashkd.models.losses.label_losses import LabelLosses

HEADS = ("decode_head", "auxiliary_head")
SIGMOID = "dict(type='CrossEntropyLoss', use_sigmoid=True)"


def check_heads(cfg: Config) -> None:
    """Check that a head with one logit per pixel has a loss of a sigmoid.

    Losses of MMSegmentation and of this package are tried on a small frame, as the head
    calls them.

    Raises:
        ConfigError: A loss applies a softmax, for which class 1 needs a second logit,
            or does not train class 1 with one logit, or there are not two classes.
    """
    model: Any = cfg.model
    prefix = "model" if plain_model(model) is model else "model.student"
    for key, head in _heads(plain_model(model), prefix):
        if head.get("out_channels") != 1:
            continue
        losses = head.get("loss_decode") or {"type": "CrossEntropyLoss"}
        for loss in losses if isinstance(losses, (list, tuple)) else [losses]:
            _check_classes(key, loss, head.get("num_classes", 2))
            if not _has_own_loss(head) and is_from(loss, "mmseg", "mmseg_splashkd"):
                _try(key, loss, head.get("ignore_index", IGNORE_INDEX))


def _check_classes(key: str, loss: Mapping[str, Any], number: int) -> None:
    softmax = is_a(loss, CrossEntropyLoss) and not (
        loss.get("use_sigmoid") or loss.get("use_mask")
    )
    if softmax or is_a(loss, SoftmaxFocalLoss):
        sigmoid = "is for two classes"
        if number == 2:
            sigmoid = f"needs {key}.loss_decode={SIGMOID}"
        raise ConfigError(
            f"{key}.out_channels=1 with the softmax of {key}.loss_decode="
            f"{type_name(loss)}: one logit per pixel {sigmoid}, a softmax needs "
            f"{key}.out_channels={number}"
        )
    if number != 2:
        raise ConfigError(
            f"{key}.out_channels=1 with {key}.num_classes={number}: one logit per "
            f"pixel is for two classes, set {key}.out_channels={number}"
        )


def _has_own_loss(head: Mapping[str, Any]) -> bool:
    """Whether a head gives its losses other arguments than logits and labels."""
    plain = BaseDecodeHead.loss_by_feat
    kinds = classes(head.get("type"))
    return any(getattr(each, "loss_by_feat", plain) is not plain for each in kinds)


def _try(key: str, config: Mapping[str, Any], ignore_index: int) -> None:
    try:
        loss = MODELS.build(copy.deepcopy(dict(config)))
        tried = LabelLosses([loss], f"{key}.loss_decode", as_in_head=True)
    except Exception:  # named where the head is built
        return
    try:
        tried.check(channels=1, classes=2, ignore_index=ignore_index)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _heads(model: Any, prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in HEADS:
        heads = model.get(name) if isinstance(model, Mapping) else None
        if isinstance(heads, Mapping):
            yield f"{prefix}.{name}", heads
        for index, head in enumerate(heads if isinstance(heads, (list, tuple)) else ()):
            if isinstance(head, Mapping):
                yield f"{prefix}.{name}[{index}]", head

"""Checks the losses of heads with one output channel."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmseg.models.losses import (
    CrossEntropyLoss,
    DiceLoss,
    LovaszLoss,
    TverskyLoss,
)

from mmseg_splashkd.config.faults import ConfigError
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import plain_model
from mmseg_splashkd.models.losses import SoftmaxFocalLoss

HEADS = ("decode_head", "auxiliary_head")
SIGMOID = "dict(type='CrossEntropyLoss', use_sigmoid=True)"
# What MMSegmentation's losses do with one logit per pixel.
UNFIT = {
    DiceLoss: "takes class 0 for class 1",
    TverskyLoss: "applies a softmax, which is 1 everywhere",
}


def check_heads(cfg: Config) -> None:
    """Check that a head with one logit per pixel has a loss of a sigmoid.

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
            _check_loss(key, loss, head.get("num_classes", 2))


def _check_loss(key: str, loss: Mapping[str, Any], classes: int) -> None:
    kind = loss["type"]
    name = getattr(kind, "__name__", kind)
    softmax = is_a(loss, CrossEntropyLoss) and not (
        loss.get("use_sigmoid") or loss.get("use_mask")
    )
    if softmax or is_a(loss, SoftmaxFocalLoss):
        sigmoid = "is for two classes"
        if classes == 2:
            sigmoid = f"needs {key}.loss_decode={SIGMOID}"
        raise ConfigError(
            f"{key}.out_channels=1 with the softmax of {key}.loss_decode={name}: one "
            f"logit per pixel {sigmoid}, a softmax needs {key}.out_channels={classes}"
        )
    if classes != 2:
        raise ConfigError(
            f"{key}.out_channels=1 with {key}.num_classes={classes}: one logit per "
            f"pixel is for two classes, set {key}.out_channels={classes}"
        )
    multi_class = is_a(loss, LovaszLoss) and loss.get("loss_type") != "binary"
    why = [text for kind, text in UNFIT.items() if is_a(loss, kind)]
    if multi_class:
        why = [f"{UNFIT[TverskyLoss]}, unless loss_type='binary'"]
    if why:
        raise ConfigError(
            f"{key}.out_channels=1 with {key}.loss_decode={name}, which {why[0]}: take "
            f"{SIGMOID}, dict(type='SMPLoss', mode='binary', loss='DiceLoss'), or "
            f"{key}.out_channels=2"
        )


def _heads(model: Any, prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in HEADS:
        heads = model.get(name) if isinstance(model, Mapping) else None
        if isinstance(heads, Mapping):
            yield f"{prefix}.{name}", heads
        for index, head in enumerate(heads if isinstance(heads, (list, tuple)) else ()):
            if isinstance(head, Mapping):
                yield f"{prefix}.{name}[{index}]", head

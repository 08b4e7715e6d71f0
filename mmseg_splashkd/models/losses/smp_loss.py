"""Losses of segmentation_models.pytorch as a ``loss_decode`` (extra ``smp``)."""

import inspect
from collections.abc import Mapping
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_splashkd.extras import import_extra

LIBRARY = "segmentation_models_pytorch"
MODES = ("multiclass", "binary")


@MODELS.register_module()
class SMPLoss(nn.Module):
    """A loss of ``segmentation_models_pytorch.losses`` for any head of MMSegmentation.

    Its ``ignore_index`` is that of the head. ``DiceLoss`` and ``TverskyLoss`` of that
    library are computed for each class over the whole batch, so that a rare class
    weighs as much as a frequent one; MMSegmentation's ``DiceLoss`` sums over the
    classes first.

    Args:
        loss: Name of the class, such as ``'DiceLoss'``, ``'TverskyLoss'``,
            ``'LovaszLoss'`` or ``'FocalLoss'``.
        mode: ``'multiclass'`` (default; one logit per class) or ``'binary'``, for a
            head with ``out_channels=1``.
        options: Further arguments of that class, such as ``alpha``; default none.
        loss_weight: Factor of the loss; default 1.
        loss_name: Key in the log; default ``'loss_'`` and the name in lower case.

    Raises:
        ImportError: segmentation_models.pytorch is not installed.
        ValueError: There is no such loss, it does not know ignored pixels, or an option
            is not one of its arguments or is set by the head.
    """

    def __init__(
        self,
        loss: str,
        mode: str = "multiclass",
        options: Mapping[str, Any] | None = None,
        loss_weight: float = 1.0,
        loss_name: str | None = None,
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise ValueError(f"mode of SMPLoss must be one of {MODES}, got {mode!r}")
        self.mode = mode
        self.loss = _build(loss, mode, dict(options or {}))
        self.loss_weight = loss_weight
        self.loss_name = loss_name or f"loss_{loss.removesuffix('Loss').lower()}"

    def forward(
        self,
        logits: Tensor,
        labels: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
    ) -> Tensor:
        """Loss of (B, C, H, W) logits against (B, H, W) labels, a scalar.

        Raises:
            ValueError: ``weight`` is given: pixel samplers are not supported; or the
                mode does not fit the number of channels.
        """
        if weight is not None:
            raise ValueError("SMPLoss takes no pixel weights: remove the sampler")
        if (self.mode == "binary") != (logits.shape[1] == 1):
            raise ValueError(
                f"SMPLoss(mode={self.mode!r}) got {logits.shape[1]} logits per pixel: "
                f"'binary' is for out_channels=1, 'multiclass' for one per class"
            )
        self.loss.ignore_index = ignore_index
        if self.mode == "binary":
            logits, labels = logits[:, 0], labels.to(logits.dtype)
        return self.loss_weight * self.loss(logits, labels)


def _build(name: str, mode: str, options: dict[str, Any]) -> Any:
    losses = import_extra(f"{LIBRARY}.losses", "losses of type SMPLoss", "smp")
    kinds = [each for each in losses.__all__ if each.endswith("Loss")]
    usable = [each for each in kinds if _takes(getattr(losses, each), "ignore_index")]
    if name not in kinds:
        raise ValueError(
            f"SMPLoss(loss={name!r}): {LIBRARY} has no such loss; take one of {usable}"
        )
    if name not in usable:
        raise ValueError(
            f"SMPLoss(loss={name!r}): this loss has no ignore_index, so that ignored "
            f"pixels would count; take one of {usable}"
        )
    kind = getattr(losses, name)
    for option in options:
        if option in ("ignore_index", "mode") or not _takes(kind, option):
            raise ValueError(
                f"SMPLoss(loss={name!r}) has options={sorted(options)}: {option!r} is "
                f"no option; ignore_index is the head's, and mode is an argument of "
                f"SMPLoss"
            )
    with_mode = {"mode": mode} if _takes(kind, "mode") else {}
    return kind(**with_mode, **options)


def _takes(kind: Any, argument: str) -> bool:
    return argument in inspect.signature(kind).parameters

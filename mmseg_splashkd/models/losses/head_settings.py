"""Settings of the student's decode head that a distillation loss adopts or replaces."""

import logging
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from mmseg.models.losses import CrossEntropyLoss
from torch import Tensor, nn

from mmseg_splashkd.models.losses.softmax_focal_loss import SoftmaxFocalLoss
from mmseg_splashkd.models.segmentors.heads import branches_of

IGNORE_INDEX = 255  # default of MMSegmentation's heads
REMEDY = (
    "the label term of a distillation is set by distill_loss (label_loss, gamma, "
    "class_weight)"
)


def ignore_index_of(head: Any, configured: int | None, argument: str) -> int:
    """``ignore_index`` of the loss, which must equal that of the head.

    Args:
        head: Decode head of the student.
        configured: ``ignore_index`` of the loss; None adopts that of the head.
        argument: Name of that setting, for the error.

    Raises:
        ValueError: Both are set, and differ.
    """
    if configured is not None and configured != head.ignore_index:
        raise ValueError(
            f"{argument}={configured}, and student.decode_head.ignore_index="
            f"{head.ignore_index}: leave {argument} out, or make them equal"
        )
    return head.ignore_index


def check_class_count(weights: Tensor | None, classes: int, argument: str) -> None:
    """Check that there is one weight per class.

    Args:
        weights: (C,) weights; None for equal weights.
        classes: Number of classes, C.
        argument: Name of the setting, for the error.

    Raises:
        ValueError: There are more or fewer.
    """
    if weights is not None and len(weights) != classes:
        raise ValueError(
            f"{argument}={_as_list(weights)} has {len(weights)} weights for {classes} "
            f"classes: give one per class"
        )


def check_label_loss(head: Any, gamma: float, class_weight: Tensor | None) -> None:
    """Check that no setting of the student's own label loss is dropped silently.

    A plain ``CrossEntropyLoss``, MMSegmentation's default, is accepted. A
    ``SoftmaxFocalLoss`` with another gamma is logged as a warning: shipped configs vary
    the gamma of the distillation alone.

    Args:
        head: Decode head of the student (of a cascade, the last).
        gamma: Focal exponent of the distillation's label term; 0 is cross-entropy.
        class_weight: (C,) class weights of that term.

    Raises:
        ValueError: ``loss_decode`` is another loss, has other class weights or a
            ``loss_weight``, or the head has a pixel sampler.
    """
    where, loss = "student.decode_head", main_loss(head)
    if head.sampler is not None:
        raise ValueError(
            f"{where}.sampler {type(head.sampler).__name__} selects pixels for the "
            f"label loss, which distillation does not support: remove it"
        )
    where += ".loss_decode"
    if isinstance(loss, nn.ModuleList) or not _is_replaceable(loss):
        raise ValueError(
            f"{where} is {loss}, which is not used while distilling: {REMEDY}. Leave "
            f"{where} out, and add an auxiliary head for another loss on labels"
        )
    if loss.loss_weight != 1:
        raise ValueError(
            f"{where}.loss_weight={loss.loss_weight} is not used while distilling: "
            f"leave it out; distill_loss.teacher_ratio balances labels and teacher"
        )
    weights = _as_list(loss.class_weight)
    if weights is not None and weights != _as_list(class_weight):
        raise ValueError(
            f"{where}.class_weight={weights} differs from distill_loss.class_weight="
            f"{_as_list(class_weight)}: {REMEDY}; set both to the same weights, or "
            f"leave {where}.class_weight out"
        )
    if isinstance(loss, SoftmaxFocalLoss) and loss.gamma != gamma:
        print_log(
            f"{where}.gamma={loss.gamma} is not used while distilling: the label term "
            f"has gamma={gamma} (0 is cross-entropy), as {REMEDY}",
            logger="current",
            level=logging.WARNING,
        )


def main_loss(head: Any) -> Any:
    """The loss of a head between its main logits and the labels.

    Args:
        head: Decode head; one of several branches has a loss for each.
    """
    known, losses = branches_of(head), head.loss_decode
    if known is not None and isinstance(losses, nn.ModuleList):
        return losses[known.main]
    return losses


def _is_replaceable(loss: Any) -> bool:
    """Whether ``distill_loss`` has a label term of the same kind."""
    if type(loss) is SoftmaxFocalLoss:
        return True
    return (
        type(loss) is CrossEntropyLoss
        and not loss.use_sigmoid
        and not loss.use_mask
        and loss.reduction == "mean"
    )


def _as_list(weights: Tensor | Sequence[float] | None) -> list[float] | None:
    # Rounded to float32, so that a weight of a config equals the same weight in a
    # buffer.
    return None if weights is None else torch.as_tensor(weights).float().tolist()

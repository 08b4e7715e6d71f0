"""Settings of the student's decode head that a distillation loss adopts or replaces."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.logging import print_log
from mmseg.models.losses import CrossEntropyLoss
from torch import Tensor, nn

from mmseg_splashkd.models.heads.regression_head import PSPRegressionHead
from mmseg_splashkd.models.losses.softmax_focal_loss import SoftmaxFocalLoss
from mmseg_splashkd.models.segmentors.heads import branches_of

IGNORE_INDEX = 255  # default of MMSegmentation's heads
REMEDY = (
    "the label term of a distillation is set by distill_loss (label_loss, gamma, "
    "class_weight), and label_loss='student' takes the student's loss_decode"
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


def check_classifies(head: Any, loss: str) -> None:
    """Refuse a head that regresses maps.

    Args:
        head: Decode head of the student.
        loss: Name of the loss that compares classes, for the error.

    Raises:
        ValueError: The head regresses maps.
    """
    if isinstance(head, PSPRegressionHead):
        raise ValueError(
            f"{loss} compares classes, and student.decode_head is a "
            f"{type(head).__name__}, which regresses maps: take RegressionKDLoss"
        )


@dataclass(frozen=True)
class LabelSettings:
    """What a distillation loss says of its label term.

    Args:
        shown: The term, for messages.
        gamma: Focal exponent of the term, 0 for cross-entropy; None for other losses.
        class_weight: (C,) class weights of the term.
        kind_named: Whether the config names ``label_loss``.
        gamma_named: Whether the config names ``gamma``.
    """

    shown: str
    gamma: float | None
    class_weight: Tensor | None
    kind_named: bool
    gamma_named: bool


def check_sampler(head: Any) -> None:
    """Refuse a sampler of pixels for the label loss.

    Raises:
        ValueError: The head has one.
    """
    if head.sampler is not None:
        raise ValueError(
            f"student.decode_head.sampler {type(head.sampler).__name__} selects pixels "
            f"for the label loss, which distillation does not support: remove it"
        )


def check_label_loss(head: Any, label: LabelSettings, given: bool) -> None:
    """Check that no setting of the student's own label loss is dropped silently.

    A plain ``CrossEntropyLoss`` (MMSegmentation's default) or ``SoftmaxFocalLoss`` (of
    the shipped bases) gives way to a label term that the config of the distillation
    names, with a warning if they differ.

    Args:
        head: Decode head of the student (of a cascade, the last).
        label: The distillation's label term.
        given: Whether the config of the head has ``loss_decode``.

    Raises:
        ValueError: ``loss_decode`` is another loss, has other class weights or a
            ``loss_weight``, or is given and differs from a label term that the config
            does not name.
    """
    where, loss = "student.decode_head.loss_decode", main_loss(head)
    if isinstance(loss, nn.ModuleList) or not _is_replaceable(loss, head.out_channels):
        raise ValueError(
            f"{where} is {loss}, which is not used while distilling: {REMEDY}. Leave "
            f"{where} out, or set distill_loss.label_loss='student'"
        )
    if loss.loss_weight != 1:
        raise ValueError(
            f"{where}.loss_weight={loss.loss_weight} is not used while distilling: "
            f"leave it out; distill_loss.teacher_ratio balances labels and teacher"
        )
    weights = _as_list(loss.class_weight)
    if weights is not None and weights != _as_list(label.class_weight):
        raise ValueError(
            f"{where}.class_weight={weights} differs from distill_loss.class_weight="
            f"{_as_list(label.class_weight)}: {REMEDY}; set both to the same weights, "
            f"or leave {where}.class_weight out"
        )
    own = loss.gamma if isinstance(loss, SoftmaxFocalLoss) else 0.0
    if not given or own == label.gamma:
        return
    shown = f"{where}.gamma={own}" if own else f"{where}={type(loss).__name__}"
    by_gamma = label.gamma_named and isinstance(loss, SoftmaxFocalLoss)
    if not (label.kind_named or by_gamma):
        raise ValueError(
            f"{shown} is given, and would be replaced by the default "
            f"{label.shown}: set distill_loss.label_loss to 'student', which trains on "
            f"{where}, or to 'focal', 'ce' or a list of losses"
        )
    print_log(
        f"{shown} is not used while distilling: the label term is {label.shown}, as "
        f"{REMEDY}",
        logger="current",
        level=logging.WARNING,
    )


def main_loss(head: Any) -> Any:
    """The loss of a head between its main logits and the labels.

    Args:
        head: Decode head; one of several branches has a loss for each.
    """
    branches, losses = branches_of(head), head.loss_decode
    if branches is not None and isinstance(losses, nn.ModuleList):
        return losses[branches.main]
    return losses


def _is_replaceable(loss: Any, channels: int) -> bool:
    """Whether ``distill_loss`` has a label term of the same kind."""
    if type(loss) is SoftmaxFocalLoss:
        return True
    return (
        type(loss) is CrossEntropyLoss
        and loss.use_sigmoid == (channels == 1)
        and not loss.use_mask
        and loss.reduction == "mean"
    )


def _as_list(weights: Tensor | Sequence[float] | None) -> list[float] | None:
    # Rounded to float32, so that a weight of a config equals the same weight in a
    # buffer.
    return None if weights is None else torch.as_tensor(weights).float().tolist()

"""Any losses of decode heads as the label term of a distillation."""

import contextlib
import copy
import inspect
import itertools
from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.losses import DiceLoss
from mmseg.registry import MODELS
from torch import Tensor, nn

PREFIX = "label_"  # of the keys in the log
SIDE = 8  # of the frame that a loss is tried on, in pixels


class LabelLosses(nn.Module):
    """A weighted sum of losses between logits and labels.

    The losses are those of MMSegmentation's heads, called as a head calls them: with
    the head's ``ignore_index`` if they take one, on logits at the labels' size. Their
    ``loss_weight`` is taken out of them, so that both numbers can be logged. Frames
    without a valid pixel are left out: some losses have no value for them.

    MMSegmentation's ``DiceLoss`` counts ignored pixels as errors. Here it gets the
    valid pixels of each frame, unless ``as_in_head`` is set.

    Args:
        losses: Losses with ``loss_name`` and, if it is not 1, ``loss_weight``.
        where: Name of the setting, for errors.
        as_in_head: Whether to call each loss exactly as the head does.

    Raises:
        ValueError: There is no loss, or a loss has no ``loss_name`` that mmengine adds
            to the total.
    """

    def __init__(
        self, losses: Sequence[nn.Module], where: str, as_in_head: bool = False
    ) -> None:
        super().__init__()
        if not losses:
            raise ValueError(f"{where}=[] leaves no loss against the labels")
        self.where = where
        self.as_in_head = as_in_head
        self.names = _names(losses, where)
        self.weights = [float(getattr(loss, "loss_weight", 1.0)) for loss in losses]
        self.losses = nn.ModuleList(copy.deepcopy(loss) for loss in losses)
        for loss in self.losses:
            if hasattr(loss, "loss_weight"):
                loss.loss_weight = 1.0  # type: ignore[assignment]

    def forward(
        self, logits: Tensor, labels: Tensor, ignore_index: int
    ) -> dict[str, Tensor]:
        """Unweighted losses, scalars, by name.

        Args:
            logits: (B, C, H, W), in float32 or float64; C is the number of output
                channels of the head, which is 1 for a sigmoid.
            labels: (B, H, W) class ids or ``ignore_index``.
            ignore_index: Label of pixels that are excluded.
        """
        labelled = (labels != ignore_index).flatten(1).any(1)
        if not labelled.any():
            return {name: 0.0 * logits.sum() for name in self.names}
        logits, labels = logits[labelled], labels[labelled]
        values = (
            self._value(loss, logits, labels, ignore_index) for loss in self.losses
        )
        return dict(zip(self.names, values, strict=True))

    def _value(
        self, loss: Any, logits: Tensor, labels: Tensor, ignore_index: int
    ) -> Tensor:
        if isinstance(loss, DiceLoss) and not self.as_in_head:
            return _of_valid_pixels(loss, logits, labels, ignore_index)
        given: dict[str, Any] = {"weight": None, "ignore_index": ignore_index}
        if not _takes(loss, *given):  # as OhemCrossEntropy, which has its own
            given = {}
        # A map (reduction='none') is averaged, as mmengine does.
        return loss(logits, labels, **given).mean()

    def check(self, channels: int, classes: int, ignore_index: int) -> list[str]:
        """Try every loss on a small frame.

        Args:
            channels: Number of output channels of the head; 1 for a sigmoid.
            classes: Number of classes.
            ignore_index: Label of pixels that are excluded.

        Returns:
            Warnings: losses that count ignored pixels in the head, too.

        Raises:
            ValueError: A loss cannot be computed from logits and labels, does not raise
                the logits of the true class, or counts ignored pixels.
        """
        logits, labels = _frame(channels, classes, ignore_index)
        warnings = [
            self._try(name, loss, logits, labels, ignore_index)
            for name, loss in zip(self.names, self.losses, strict=True)
        ]
        return [warning for warning in warnings if warning]

    def _try(
        self, name: str, loss: Any, logits: Tensor, labels: Tensor, ignore_index: int
    ) -> str | None:
        kind = f"{self.where}: {type(loss).__name__} ({name.removeprefix(PREFIX)})"
        try:
            slope = self._slope(loss, logits, labels, ignore_index)
        except Exception as error:  # the loss may be anybody's, and raise anything
            raise ValueError(
                f"{kind} cannot be computed from logits {tuple(logits.shape)} and "
                f"labels {tuple(labels.shape)}: {error}. {_remedy(logits.shape[1])}"
            ) from error
        valid = labels != ignore_index
        if not _pulls_to_the_truth(slope, labels, valid):
            raise ValueError(
                f"{kind} does not raise the probability of the true class for a head "
                f"with out_channels={logits.shape[1]}. {_remedy(logits.shape[1])}"
            )
        if not (slope * ~valid[:, None]).any():
            return None
        counts = f"{kind} counts pixels of ignore_index={ignore_index}"
        if self.as_in_head:
            return f"{counts}, as it does in the plain student"
        raise ValueError(
            f"{counts}: set its own ignore_index={ignore_index} if it has one, or take "
            f"another loss"
        )

    def _slope(
        self, loss: Any, logits: Tensor, labels: Tensor, ignore_index: int
    ) -> Tensor:
        """Gradient of a loss on the CPU, or else on a GPU: some losses need one."""
        if torch.cuda.is_available():
            # Without a GPU they fail in ways of their own.
            with contextlib.suppress(Exception):
                return self._slope_on("cpu", loss, logits, labels, ignore_index)
            return self._slope_on("cuda", loss, logits, labels, ignore_index)
        return self._slope_on("cpu", loss, logits, labels, ignore_index)

    def _slope_on(
        self, device: str, loss: Any, logits: Tensor, labels: Tensor, ignore_index: int
    ) -> Tensor:
        there = copy.deepcopy(loss).to(device)
        leaf = logits.to(device).clone().requires_grad_()
        value = self._value(there, leaf, labels.to(device), ignore_index)
        return torch.autograd.grad(value, leaf)[0].cpu()


def build_label_losses(
    configs: dict[str, Any] | Sequence[dict[str, Any]], where: str
) -> LabelLosses:
    """Build the losses that a config lists.

    Args:
        configs: One config of a loss, or several.
        where: Name of the setting, for errors.

    Raises:
        ValueError: There is none, or a loss is not named for mmengine.
    """
    listed = [configs] if isinstance(configs, dict) else list(configs)
    return LabelLosses([MODELS.build(config) for config in listed], where)


def _takes(loss: nn.Module, *arguments: str) -> bool:
    """Whether a loss is called with these arguments."""
    parameters = inspect.signature(loss.forward).parameters
    anything = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    return anything or parameters.keys() >= set(arguments)


def _names(losses: Sequence[nn.Module], where: str) -> list[str]:
    """Keys in the log, without 'loss', which mmengine would add to the total."""
    names: list[str] = []
    for loss in losses:
        name = getattr(loss, "loss_name", None)
        if not isinstance(name, str) or "loss" not in name:
            raise ValueError(
                f"{where}: {type(loss).__name__} has loss_name={name!r}, and mmengine "
                f"trains on names with 'loss' only: set loss_name='loss_mine'"
            )
        short = PREFIX + (name.replace("loss", "").strip("_") or "only")
        numbers = itertools.count(2)
        key = short
        while key in names:
            key = f"{short}_{next(numbers)}"
        names.append(key)
    return names


def _of_valid_pixels(
    loss: DiceLoss, logits: Tensor, labels: Tensor, ignore_index: int
) -> Tensor:
    """Loss of each frame's valid pixels, as one row; reduced over the frames."""
    values = []
    for frame, label in zip(logits, labels, strict=True):
        valid = label != ignore_index
        row = frame[:, valid][None, :, None], label[valid][None, None]
        values.append(loss(*row, ignore_index=ignore_index).mean())
    every = torch.stack(values)
    return every.sum() if loss.reduction == "sum" else every.mean()


def _frame(channels: int, classes: int, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Logits (1, C, 8, 8) near 0; labels (1, 8, 8) of all classes, one row ignored."""
    generator = torch.Generator().manual_seed(0)
    logits = 0.1 * torch.randn(1, channels, SIDE, SIDE, generator=generator)
    labels = torch.arange(SIDE * SIDE).reshape(1, SIDE, SIDE) % classes
    labels[:, 0] = ignore_index
    return logits, labels


def _pulls_to_the_truth(slope: Tensor, labels: Tensor, valid: Tensor) -> bool:
    """Whether a step along -slope raises the logit of the true class on average."""
    truth = labels[valid]
    if slope.shape[1] == 1:
        signs = torch.where(truth == 1, 1.0, -1.0)
        return bool((slope[:, 0][valid] * signs).sum() < 0)
    of_truth = slope.movedim(1, -1)[valid].gather(1, truth[:, None])
    return bool(of_truth.sum() < 0)


def _remedy(channels: int) -> str:
    if channels > 1:
        return "Take other options or another loss, such as SMPLoss"
    return (
        "Take CrossEntropyLoss(use_sigmoid=True), SMPLoss(mode='binary') or "
        "LovaszLoss(loss_type='binary', reduction='none'), or set out_channels=2"
    )

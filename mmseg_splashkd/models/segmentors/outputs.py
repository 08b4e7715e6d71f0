"""Outputs of a segmentor that losses compare: logits, fused features, stages."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor, nn

from mmseg_splashkd.models.segmentors.heads import (
    auxiliary_heads,
    branches_of,
    decode_heads,
    last_head,
)

# 'logits': (B, C, h, w) of the head. 'fused': (B, channels, h, w), the input of its
# classifier, before dropout. An integer: index of an output of the backbone (or neck),
# from 0.
Tap = str | int
NAMED = ("logits", "fused")
# Of all logits of a pixel without an answer: of classes, all are then equally probable,
# and of the pixels of a channel, it has none of the probability.
FILL = -1e4


@dataclass(frozen=True)
class SegOutputs:
    """Outputs of a segmentor for (B, 3, H, W) images.

    Args:
        logits: (B, C, h, w), of the last decode head; of its one logit z for two
            classes, 0 and z, whose softmax is the sigmoid of z.
        stages: One (B, C_i, h_i, w_i) per output of the backbone, or of the neck.
        fused: (B, channels, h, w), the input of the classifier before dropout; None
            unless requested.
        early_logits: (B, C, h_i, w_i) of each earlier decode head of a cascade, such
            as OCRNet.
        branches: All outputs of a head that has several in training, such as PIDNet's.
        valid: (B, h, w), False where there is no answer and all logits are ``FILL``;
            None for answers everywhere.
    """

    logits: Tensor
    stages: Sequence[Tensor] = ()
    fused: Tensor | None = None
    early_logits: Sequence[Tensor] = field(default=(), kw_only=True)
    branches: Sequence[Tensor] = field(default=(), kw_only=True)
    valid: Tensor | None = field(default=None, kw_only=True)

    def at(self, tap: Tap) -> Tensor:
        """The tensor at a tap."""
        if tap == "logits":
            return self.logits
        if tap == "fused":
            assert self.fused is not None, "the forward pass did not request fused=True"
            return self.fused
        return self.stages[int(tap)]

    def comparable(self, student: "SegOutputs") -> "SegOutputs":
        """Outputs of a student without those logits for which these have no answer.

        Both then have equal logits there, and no gradient.
        """
        if self.valid is None:
            return student
        logits = torch.where(self.valid[:, None], student.logits, FILL)
        return replace(student, logits=logits)

    def rolled(self, shift: int) -> "SegOutputs":
        """Outputs for the frame ``shift`` places earlier in the batch, which is a ring.

        Only logits, stages and fused features, which a teacher has.
        """
        fused = None if self.fused is None else self.fused.roll(shift, 0)
        stages = [stage.roll(shift, 0) for stage in self.stages]
        return SegOutputs(self.logits.roll(shift, 0), stages, fused)


def forward_outputs(
    model: EncoderDecoder, images: Tensor, fused: bool = False
) -> SegOutputs:
    """Run backbone, neck and decode heads, without losses and auxiliary heads.

    Args:
        model: Any encoder-decoder segmentor, or a cascade of decode heads.
        images: (B, 3, H, W), normalised.
        fused: Whether to return the input of the (last) head's classifier, too.

    Raises:
        RuntimeError: ``fused`` is requested, and the head classifies without
            ``cls_seg``.
    """
    features = model.extract_feat(images)
    *early_heads, head = decode_heads(model)
    early: list[Tensor] = []
    for early_head in early_heads:
        early.append(early_head(features, *early[-1:]))
    # Some backbones return one map alone when they do not train.
    stages = (features,) if isinstance(features, Tensor) else features
    if not fused:
        logits = head(features, *early[-1:])
        return _outputs(model, logits, stages, early)
    with _recorded_input(_classifier(head)) as inputs:
        logits = head(features, *early[-1:])
    if not inputs:
        raise RuntimeError(
            f"{type(head).__name__} classifies without cls_seg, so the input of its "
            f"classifier cannot be recorded: tap a stage or 'logits' instead"
        )
    return _outputs(model, logits, stages, early, inputs[-1])


def _outputs(
    model: Any,
    logits: Any,
    stages: Sequence[Tensor],
    early: Sequence[Tensor],
    fused: Tensor | None = None,
) -> SegOutputs:
    all_logits, branches = (), branches_of(last_head(model))
    if branches is not None and not isinstance(logits, Tensor):
        all_logits, logits = logits, logits[branches.main]
    logits = class_logits(logits, model.num_classes)
    return SegOutputs(logits, stages, fused, early_logits=early, branches=all_logits)


def class_logits(logits: Tensor, num_classes: int) -> Tensor:
    """Logits (B, C, h, w) of C classes, from one logit or margin z1 - z0 if C is 2.

    softmax((0, z)) is (1 - sigmoid(z), sigmoid(z)).

    Args:
        logits: (B, C, h, w), or (B, 1, h, w) for two classes.
        num_classes: C.
    """
    if num_classes != 2 or logits.shape[1] != 1:
        return logits
    return torch.cat([torch.zeros_like(logits), logits], dim=1)


def _classifier(head: Any) -> nn.Module:
    """The first module that MMSegmentation's ``cls_seg`` applies to its input."""
    return head.conv_seg if head.dropout is None else head.dropout


@contextmanager
def _recorded_input(module: nn.Module) -> Iterator[list[Tensor]]:
    # Decode heads fuse and classify in one method, so there is no value to return.
    inputs: list[Tensor] = []
    handle = module.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    try:
        yield inputs
    finally:
        handle.remove()


def check_tap(tap: Tap, argument: str) -> Tap:
    """Return a tap.

    Args:
        tap: ``'logits'``, ``'fused'`` or the index of a stage, from 0.
        argument: Name of the argument, for the error.

    Raises:
        ValueError: ``tap`` has another value.
    """
    number = isinstance(tap, int) and not isinstance(tap, bool) and tap >= 0
    if tap not in NAMED and not number:
        raise ValueError(
            f"{argument} must be one of {NAMED} or the number of a stage, from 0; got "
            f"{tap!r}"
        )
    return tap


def channels_at(model: EncoderDecoder, tap: Tap) -> int | None:
    """Number of channels at a tap; None if neither head nor backbone specifies it."""
    if tap == "logits":
        return model.num_classes
    if tap == "fused":
        classifier = getattr(last_head(model), "conv_seg", None)
        return getattr(classifier, "in_channels", None)
    for head in (*decode_heads(model), *auxiliary_heads(model)):
        if head.input_transform == "resize_concat":  # in_channels is the sum
            continue
        numbers = zip(_listed(head.in_index), _listed(head.in_channels), strict=False)
        for stage, channels in numbers:
            if stage == tap:
                return channels
    counts = () if model.with_neck else getattr(model.backbone, "channels", ())
    return counts[tap] if isinstance(tap, int) and tap < len(counts) else None


def _listed(value: int | Sequence[int]) -> Sequence[int]:
    return [value] if isinstance(value, int) else value

"""Where teacher and student are compared: logits, fused features, backbone stages."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor, nn

# 'logits': (B, C, h, w) of the head. 'fused': (B, channels, h, w), what its classifier
# sees, before dropout. A number: that output of the backbone (or neck), from 0.
Tap = str | int
NAMED = ("logits", "fused")


@dataclass(frozen=True)
class SegOutputs:
    """What a segmentor says about (B, 3, H, W) images.

    Args:
        logits: (B, C, h, w).
        stages: One (B, C_i, h_i, w_i) an output of the backbone, or of the neck.
        fused: (B, channels, h, w) that the classifier sees, before dropout; None if it
            was not asked for.
    """

    logits: Tensor
    stages: Sequence[Tensor] = ()
    fused: Tensor | None = None

    def at(self, tap: Tap) -> Tensor:
        """The tensor at a tap."""
        if tap == "logits":
            return self.logits
        if tap == "fused":
            assert self.fused is not None, "answers were asked for without it"
            return self.fused
        return self.stages[int(tap)]


def forward_outputs(
    model: EncoderDecoder, images: Tensor, fused: bool = False
) -> SegOutputs:
    """Run backbone, neck and head on (B, 3, H, W) images: no loss, no auxiliary head.

    Args:
        model: Any encoder-decoder segmentor.
        images: Normalised.
        fused: Keep what the classifier sees, too.
    """
    stages = model.extract_feat(images)
    if not fused:
        return SegOutputs(model.decode_head(stages), stages)
    with _keeping_input(_classifier(model)) as seen:
        logits = model.decode_head(stages)
    if not seen:
        raise RuntimeError(
            f"{type(model.decode_head).__name__} classifies without cls_seg, so what "
            f"its classifier sees is not known: tap a stage or 'logits' instead"
        )
    return SegOutputs(logits, stages, seen[-1])


def _classifier(model: EncoderDecoder) -> nn.Module:
    """What mmseg's ``cls_seg`` gives the fused features to first."""
    head = model.decode_head
    return head.conv_seg if head.dropout is None else head.dropout


@contextmanager
def _keeping_input(module: nn.Module) -> Iterator[list[Tensor]]:
    # Heads of mmseg fuse and classify in one method, so there is no value to return.
    seen: list[Tensor] = []
    handle = module.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    try:
        yield seen
    finally:
        handle.remove()


def check_tap(tap: Tap, argument: str) -> Tap:
    """Return a tap, or raise a ValueError if it is none."""
    number = isinstance(tap, int) and not isinstance(tap, bool) and tap >= 0
    if tap not in NAMED and not number:
        raise ValueError(
            f"{argument} must be one of {NAMED} or the number of a stage, from 0; got "
            f"{tap!r}"
        )
    return tap


def channels_at(model: EncoderDecoder, tap: Tap) -> int | None:
    """Number of channels at a tap; None where no head of the model tells it."""
    if tap == "logits":
        return model.out_channels
    if tap == "fused":
        return model.decode_head.conv_seg.in_channels
    for head in _heads(model):
        if head.input_transform == "resize_concat":  # it tells the sum of all
            continue
        numbers = zip(_listed(head.in_index), _listed(head.in_channels), strict=False)
        for stage, channels in numbers:
            if stage == tap:
                return channels
    return None


def _heads(model: EncoderDecoder) -> list:
    auxiliary = model.auxiliary_head if model.with_auxiliary_head else []
    listed = isinstance(auxiliary, Sequence | nn.ModuleList)
    return [model.decode_head, *(auxiliary if listed else [auxiliary])]


def _listed(value: int | Sequence[int]) -> Sequence[int]:
    return [value] if isinstance(value, int) else value

"""Losses of a segmentor's own heads, from outputs that are computed once."""

from typing import Any

from mmseg.models.segmentors import EncoderDecoder
from mmseg.utils import SampleList, add_prefix
from torch import Tensor

from mmseg_splashkd.models.segmentors.heads import decode_heads
from mmseg_splashkd.models.segmentors.outputs import SegOutputs


def own_losses(
    model: EncoderDecoder, outputs: SegOutputs, data_samples: SampleList
) -> dict[str, Tensor]:
    """Losses and pixel accuracies, named as ``model.loss`` names them.

    Args:
        model: Any encoder-decoder segmentor, or a cascade of decode heads.
        outputs: What ``forward_outputs`` returned for it.
        data_samples: B samples with ``gt_sem_seg`` (1, H, W).
    """
    *early_heads, head = decode_heads(model)
    losses: dict[str, Tensor] = {}
    for i, early in enumerate(early_heads):
        own = early.loss_by_feat(outputs.early_logits[i], data_samples)
        losses.update(add_prefix(own, f"decode_{i}"))
    # The head's own outputs: one logit for two classes, or one map per branch.
    raw: Any = outputs.branches or outputs.logits[:, -head.out_channels :]
    name = f"decode_{len(early_heads)}" if early_heads else "decode"
    losses.update(add_prefix(head.loss_by_feat(raw, data_samples), name))
    if model.with_auxiliary_head:
        stages: Any = list(outputs.stages)
        losses.update(model._auxiliary_head_forward_train(stages, data_samples))
    return losses

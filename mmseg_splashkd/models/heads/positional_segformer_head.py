"""SegFormer head that also knows where on the frame it looks."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from mmseg.models.decode_heads import SegformerHead
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from mmseg_splashkd.models.heads.position_embedding import SINUSOIDS, cached_sinusoid

KINDS = (*SINUSOIDS, "learned")


@MODELS.register_module()
class PositionalSegformerHead(SegformerHead):
    """``SegformerHead`` plus ``ratio`` x a position embedding before the classifier.

    The embedding is added to the fused features (B, C, H/4, W/4), before dropout. A
    sinusoid is no weight: it is in no checkpoint. A learned one is, and is resampled
    to other sizes. Both differ with the width and the place of a crop, so train on
    whole frames; a validation at a size that this run does not train at is warned
    about once.

    Args:
        kind: ``'sine1d'`` (as recorded), ``'sine2d'`` or ``'learned'``.
        ratio: Factor of the embedding; 0 is the plain head, bit for bit.
        learned_size: (h, w) of the learned embedding.
        **kwargs: Passed to mmseg's ``SegformerHead``.

    Raises:
        ValueError: ``kind`` is unknown, or ``channels`` does not fit it.
    """

    def __init__(
        self,
        kind: str = "sine1d",
        ratio: float = 1.0,
        learned_size: Sequence[int] = (64, 64),
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")
        self.kind = kind
        self.ratio = ratio
        self._trained_sizes: set[tuple[int, int]] = set()
        self._warned_sizes: set[tuple[int, int]] = set()
        if kind in SINUSOIDS:
            SINUSOIDS[kind](self.channels, 1, 1)  # refuses channels it cannot fill
        elif ratio:  # with 0 it would be a parameter without a gradient
            self.position = nn.Parameter(torch.empty(1, self.channels, *learned_size))
            nn.init.trunc_normal_(self.position, std=0.02)

    def cls_seg(self, feat: Tensor) -> Tensor:
        """Classify each pixel.

        Args:
            feat: (B, C, h, w) fused features.

        Returns:
            (B, num_classes, h, w) logits.
        """
        if self.ratio:
            self._watch_size(feat.shape[-2], feat.shape[-1])
            feat = feat + self.ratio * self._embedding(feat)
        return super().cls_seg(feat)

    def _embedding(self, feat: Tensor) -> Tensor:
        channels, height, width = feat.shape[1:]
        if self.kind == "learned":
            size = (height, width)
            position = F.interpolate(self.position, size, mode="bicubic")
            return position.to(feat.dtype)
        return cached_sinusoid(
            self.kind, channels, height, width, feat.device, feat.dtype
        )

    def _watch_size(self, height: int, width: int) -> None:
        size = (height, width)
        if self.training:
            self._trained_sizes.add(size)
        elif (
            self._trained_sizes and size not in self._trained_sizes | self._warned_sizes
        ):
            print_log(
                f"position embedding: features of {height}x{width} were never trained "
                f"on (only {sorted(self._trained_sizes)}), so pixels meet positions "
                f"they do not know. Train on whole frames of the tested size.",
                logger="current",
                level=logging.WARNING,
            )
            self._warned_sizes.add(size)


def position_embedding_of(model: Any) -> dict[str, Any] | None:
    """Kind and ratio of a segmentor's position embedding, None where it has none."""
    head = model.decode_head
    if not isinstance(head, PositionalSegformerHead) or not head.ratio:
        return None
    return {"kind": head.kind, "ratio": head.ratio}


def check_position_embedding(model: Any, meta: Mapping[str, Any], source: str) -> None:
    """Make sure that weights meet the embedding they were trained with.

    A sinusoid leaves no trace in the weights: without this check they would load into
    a head without it, and quietly score worse.

    Args:
        model: A segmentor.
        meta: Notes of a checkpoint; those of a stranger may not tell.
        source: Where the weights are from, named in the error.

    Raises:
        ValueError: The embedding differs.
    """
    here, trained = position_embedding_of(model), meta.get("position_embedding")
    if "position_embedding" in meta and trained != here:
        raise ValueError(
            f"{source} was trained with position embedding {trained}, the config has "
            f"{here}: use the config it was trained with, or give decode_head the same"
        )

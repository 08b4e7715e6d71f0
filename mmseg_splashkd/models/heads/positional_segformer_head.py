"""SegFormer head with a position embedding."""

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
from mmseg_splashkd.models.segmentors.heads import decode_heads

KINDS = (*SINUSOIDS, "learned")


@MODELS.register_module()
class PositionalSegformerHead(SegformerHead):
    """``SegformerHead`` that adds ``ratio`` times a position embedding to its features.

    The embedding is added to the fused features (B, C, H/4, W/4), before dropout and
    classifier. A sinusoid is not a parameter and is not stored in checkpoints. A
    learned embedding is a parameter, and is resampled to other sizes. Both depend on
    the width and the position of a crop, so train on whole frames; a size at validation
    that does not occur in training is logged once as a warning.

    Args:
        kind: ``'sine1d'`` (default, as in the original experiments), ``'sine2d'`` or
            ``'learned'``.
        ratio: Factor of the embedding; default 1. With 0 the outputs are bit-identical
            to those of the plain head.
        learned_size: (h, w) of the learned embedding in feature pixels; default (64,
            64).
        **kwargs: Arguments of MMSegmentation's ``SegformerHead``.

    Raises:
        ValueError: ``kind`` is unknown, or ``channels`` does not fit it.
    """

    def __init__(
        self,
        kind: str = "sine1d",
        ratio: float = 1.0,
        learned_size: Sequence[int] = (64, 64),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")
        self.kind = kind
        self.ratio = ratio
        self._trained_sizes: set[tuple[int, int]] = set()
        self._warned_sizes: set[tuple[int, int]] = set()
        if kind in SINUSOIDS:
            SINUSOIDS[kind](
                self.channels, 1, 1
            )  # raises for channel counts that do not fit
        elif ratio:  # with ratio 0, the parameter would have no gradient
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
            self._check_size(feat.shape[-2], feat.shape[-1])
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

    def _check_size(self, height: int, width: int) -> None:
        size = (height, width)
        if self.training:
            self._trained_sizes.add(size)
        elif (
            self._trained_sizes and size not in self._trained_sizes | self._warned_sizes
        ):
            print_log(
                f"position embedding: features of {height}x{width} do not occur in "
                f"training (only {sorted(self._trained_sizes)}), so their positions "
                f"differ. Train on whole frames of the tested size.",
                logger="current",
                level=logging.WARNING,
            )
            self._warned_sizes.add(size)


def position_embedding_of(model: Any) -> dict[str, Any] | None:
    """Kind and ratio of a segmentor's position embedding; None if it has none.

    A model without a decode head, such as for pretraining, has none.
    """
    for head in decode_heads(model) if hasattr(model, "decode_head") else ():
        if isinstance(head, PositionalSegformerHead) and head.ratio:
            return {"kind": head.kind, "ratio": head.ratio}
    return None


def check_position_embedding(model: Any, meta: Mapping[str, Any], source: str) -> None:
    """Check that a model has the position embedding its weights were trained with.

    A sinusoid is not in the weights. Without this check, they load into a head without
    an embedding and score worse, with no error.

    Args:
        model: A segmentor.
        meta: Metadata of a checkpoint. Checkpoints of other packages lack the entry and
            are accepted.
        source: Origin of the weights, for the error.

    Raises:
        ValueError: The embedding differs.
    """
    actual, trained = position_embedding_of(model), meta.get("position_embedding")
    if "position_embedding" in meta and trained != actual:
        raise ValueError(
            f"{source} was trained with position embedding {trained}, the config has "
            f"{actual}: use the config it was trained with, or set the same in "
            f"decode_head"
        )

"""Segmentors, heads, losses and teachers."""

from mmseg_splashkd.models import losses
from mmseg_splashkd.models.adapters.smp import SMPHead, SMPSegmentor
from mmseg_splashkd.models.adapters.transformers import (
    TransformersHead,
    TransformersSegmentor,
)
from mmseg_splashkd.models.heads.positional_segformer_head import (
    PositionalSegformerHead,
)
from mmseg_splashkd.models.segmentors.distill_segmentor import DistillSegmentor

__all__ = [
    "DistillSegmentor",
    "PositionalSegformerHead",
    "SMPHead",
    "SMPSegmentor",
    "TransformersHead",
    "TransformersSegmentor",
    "losses",
]

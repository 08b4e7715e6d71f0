"""Segmentors, heads, losses and teachers."""

from mmseg_splashkd.models import losses
from mmseg_splashkd.models.adapters.smp import SMPHead, SMPSegmentor
from mmseg_splashkd.models.adapters.transformers import (
    TransformersHead,
    TransformersSegmentor,
)
from mmseg_splashkd.models.backbones.frozen_timm import FrozenTIMMBackbone
from mmseg_splashkd.models.heads.fcn16s_head import FCN16sHead
from mmseg_splashkd.models.heads.positional_segformer_head import (
    PositionalSegformerHead,
)
from mmseg_splashkd.models.heads.segnet_head import SegNetHead
from mmseg_splashkd.models.pretrained import PretrainedWeights
from mmseg_splashkd.models.segmentors.distill_segmentor import DistillSegmentor

__all__ = [
    "DistillSegmentor",
    "FCN16sHead",
    "FrozenTIMMBackbone",
    "PositionalSegformerHead",
    "PretrainedWeights",
    "SMPHead",
    "SMPSegmentor",
    "SegNetHead",
    "TransformersHead",
    "TransformersSegmentor",
    "losses",
]

"""Segmentors, backbones, heads, losses and teachers."""

from mmseg_splashkd.models import losses
from mmseg_splashkd.models.adaptation.adaptation_segmentor import AdaptationSegmentor
from mmseg_splashkd.models.adaptation.discriminator import DomainDiscriminator
from mmseg_splashkd.models.adaptation.methods.adversarial import Adversarial
from mmseg_splashkd.models.adaptation.methods.mean_teacher import MeanTeacher
from mmseg_splashkd.models.adaptation.methods.method_sum import MethodSum
from mmseg_splashkd.models.adaptation.methods.min_entropy import MinEntropy
from mmseg_splashkd.models.adaptation.methods.proda import PrototypeDenoising
from mmseg_splashkd.models.adaptation.optim_constructor import (
    AdaptationOptimConstructor,
)
from mmseg_splashkd.models.adapters.smp import SMPHead, SMPSegmentor
from mmseg_splashkd.models.adapters.transformers import (
    TransformersHead,
    TransformersSegmentor,
)
from mmseg_splashkd.models.backbones.channel_adapter import ChannelAdapter
from mmseg_splashkd.models.backbones.frozen_timm import FrozenTIMMBackbone
from mmseg_splashkd.models.cpu_amp import CPUAmpOptimWrapper
from mmseg_splashkd.models.data_preprocessors import MultiChannelPreProcessor
from mmseg_splashkd.models.heads.fcn16s_head import FCN16sHead
from mmseg_splashkd.models.heads.positional_segformer_head import (
    PositionalSegformerHead,
)
from mmseg_splashkd.models.heads.regression_head import PSPRegressionHead
from mmseg_splashkd.models.heads.segnet_head import SegNetHead
from mmseg_splashkd.models.pretrained import PretrainedWeights
from mmseg_splashkd.models.segmentors.distill_regressor import DistillRegressor
from mmseg_splashkd.models.segmentors.distill_segmentor import DistillSegmentor
from mmseg_splashkd.models.segmentors.temporal import (
    TemporalDistillSegmentor,
    TemporalEncoderDecoder,
)

__all__ = [
    "AdaptationOptimConstructor",
    "AdaptationSegmentor",
    "Adversarial",
    "CPUAmpOptimWrapper",
    "ChannelAdapter",
    "DistillRegressor",
    "DistillSegmentor",
    "DomainDiscriminator",
    "FCN16sHead",
    "FrozenTIMMBackbone",
    "MeanTeacher",
    "MethodSum",
    "MinEntropy",
    "MultiChannelPreProcessor",
    "PSPRegressionHead",
    "PositionalSegformerHead",
    "PretrainedWeights",
    "PrototypeDenoising",
    "SMPHead",
    "SMPSegmentor",
    "SegNetHead",
    "TemporalDistillSegmentor",
    "TemporalEncoderDecoder",
    "TransformersHead",
    "TransformersSegmentor",
    "losses",
]

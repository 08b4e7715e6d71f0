"""Losses against labels and against a teacher."""

from mmseg_splashkd.models.losses.feature_terms import (
    AttentionTransferLoss,
    CIRKDLoss,
    FeatureCosineLoss,
    FeatureMSELoss,
    IFVDLoss,
    SKDLoss,
)
from mmseg_splashkd.models.losses.focal_modulated_kd_loss import FocalModulatedKDLoss
from mmseg_splashkd.models.losses.logit_terms import (
    CWDLoss,
    DISTLoss,
    HardLabelLoss,
    KLDLoss,
    LogitMSELoss,
    MarginKLDLoss,
    RarityKLDLoss,
)
from mmseg_splashkd.models.losses.maps import (
    RegressionKDLoss,
    SmoothL1MapsLoss,
    SmoothL1MapsTerm,
)
from mmseg_splashkd.models.losses.smp_loss import SMPLoss
from mmseg_splashkd.models.losses.softmax_focal_loss import SoftmaxFocalLoss
from mmseg_splashkd.models.losses.temporal_loss import TemporalConsistencyLoss

__all__ = [
    "AttentionTransferLoss",
    "CIRKDLoss",
    "CWDLoss",
    "DISTLoss",
    "FeatureCosineLoss",
    "FeatureMSELoss",
    "FocalModulatedKDLoss",
    "HardLabelLoss",
    "IFVDLoss",
    "KLDLoss",
    "LogitMSELoss",
    "MarginKLDLoss",
    "RarityKLDLoss",
    "RegressionKDLoss",
    "SKDLoss",
    "SMPLoss",
    "SmoothL1MapsLoss",
    "SmoothL1MapsTerm",
    "SoftmaxFocalLoss",
    "TemporalConsistencyLoss",
]

"""What a student is trained against."""

from mmseg_splashkd.models.losses.focal_modulated_kd_loss import FocalModulatedKDLoss
from mmseg_splashkd.models.losses.softmax_focal_loss import SoftmaxFocalLoss

__all__ = ["FocalModulatedKDLoss", "SoftmaxFocalLoss"]

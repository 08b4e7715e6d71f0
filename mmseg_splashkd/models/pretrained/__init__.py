"""Weights to start from: files, names of their tensors, what they fill."""

from mmseg_splashkd.models.pretrained.initializer import PretrainedWeights

__all__ = ["PretrainedWeights"]

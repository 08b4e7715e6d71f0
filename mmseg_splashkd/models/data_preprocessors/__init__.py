"""Normalisation of images with any number of channels."""

from mmseg_splashkd.models.data_preprocessors.multi_channel import (
    MultiChannelPreProcessor,
)

__all__ = ["MultiChannelPreProcessor"]

"""The segmentor inside its wrappers."""

from typing import Any

from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import nn


def bare_model(model: Any) -> nn.Module:
    """The model inside wrappers for distributed training and test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model

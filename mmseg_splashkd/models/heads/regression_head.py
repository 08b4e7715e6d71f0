"""Decode head that regresses maps."""

from typing import Any

import torch
from mmseg.models.decode_heads import PSPHead
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor, nn


@MODELS.register_module()
class PSPRegressionHead(PSPHead):
    """``PSPHead`` whose ``num_classes`` outputs are real-valued maps, not logits.

    It belongs into a ``DepthEstimator``, MMSegmentation's segmentor for dense
    regression, and is trained against ``gt_depth_map``, (C, H, W) of each sample.

    Args:
        loss_decode: Config of a loss of (B, C, H, W) maps and targets; default
            ``SmoothL1MapsLoss``.
        **kwargs: Arguments of ``PSPHead``.

    Raises:
        ValueError: ``loss_decode`` is a list.
    """

    def __init__(self, loss_decode: dict | None = None, **kwargs: Any) -> None:
        loss = {"type": "SmoothL1MapsLoss"} if loss_decode is None else loss_decode
        super().__init__(loss_decode=loss, **kwargs)
        if isinstance(self.loss_decode, nn.ModuleList):
            raise ValueError(
                f"decode_head.loss_decode={loss_decode} is a list: give one loss"
            )

    def _stack_batch_gt(self, batch_data_samples: SampleList) -> Tensor:
        samples: Any = batch_data_samples
        return torch.stack([sample.gt_depth_map.data for sample in samples])

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: SampleList) -> dict:
        """Loss of maps (B, C, h, w), which are upsampled to the size of the targets."""
        targets = self._stack_batch_gt(batch_data_samples)
        maps = self.upsampled(seg_logits, targets)
        return {self.loss_decode.loss_name: self.loss_decode(maps, targets)}

    def upsampled(self, maps: Tensor, targets: Tensor) -> Tensor:
        """Maps (B, C, h, w) at the size of targets (B, C, H, W), bilinear."""
        size = targets.shape[-2:]
        return resize(maps, size, mode="bilinear", align_corners=self.align_corners)

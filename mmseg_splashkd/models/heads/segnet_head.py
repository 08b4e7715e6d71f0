"""Decoder of SegNet."""

from collections.abc import Sequence
from typing import Any

from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F


@MODELS.register_module()
class SegNetHead(BaseDecodeHead):
    """Unpools by the places of the maxima, and convolves, once for each stage.

    The encoder's pooling is repeated here to find the places (Badrinarayanan et al.,
    SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation,
    PAMI 2017, section 3), so that any backbone serves whose stages are pooled by 2.

    Args:
        in_channels: Channels of each stage before its pooling, largest map first.
        num_convs: Convolutions of each stage; default those of VGG16.
        **kwargs: Arguments of ``BaseDecodeHead``, with ``in_index`` of the stages.

    Raises:
        ValueError: ``num_convs`` has another length than ``in_channels``.
    """

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        num_convs: Sequence[int] = (2, 2, 3, 3, 3),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            in_channels=in_channels,
            channels=in_channels[0],
            input_transform="multiple_select",
            **kwargs,
        )
        if len(num_convs) != len(in_channels):
            raise ValueError(
                f"num_convs={list(num_convs)} has {len(num_convs)} numbers for "
                f"{len(in_channels)} stages: give one per stage"
            )
        self.stages = nn.ModuleList()
        for index, (channels, count) in enumerate(
            zip(in_channels, num_convs, strict=True)
        ):
            out = in_channels[max(index - 1, 0)]
            # The classifier is the last convolution of the largest map.
            convs = count if index else count - 1
            widths = [channels] * convs + [out]
            self.stages.append(nn.Sequential(*map(self._conv, widths, widths[1:])))

    def _conv(self, channels: int, out: int) -> ConvModule:
        return ConvModule(
            channels, out, 3, padding=1, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Logits (B, num_classes, H, W) for the maps of the backbone."""
        maps = self._transform_inputs(inputs)
        features = F.max_pool2d(maps[-1], 2)
        for stage, before in zip(reversed(self.stages), reversed(maps), strict=True):
            _, places = F.max_pool2d(before, 2, return_indices=True)
            size = list(before.shape[-2:])
            features = F.max_unpool2d(features, places, [2, 2], output_size=size)
            features = stage(features)
        return self.cls_seg(features)

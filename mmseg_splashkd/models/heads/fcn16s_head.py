"""Head of FCN-16s on a VGG backbone."""

from collections.abc import Sequence
from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F


@MODELS.register_module()
class FCN16sHead(BaseDecodeHead):
    """Scores of stride 32 and of stride 16, added at stride 16.

    The fully connected layers of VGG16 are a 7x7 and a 1x1 convolution; padding of 3
    takes the place of the 100 pixels of the paper. Scores are resized by bilinear
    interpolation, to which the paper initialises its deconvolution (Long et al., Fully
    Convolutional Networks for Semantic Segmentation, CVPR 2015, section 4.2).

    Args:
        in_channels: Channels of conv4_3, (B, C, H/8, W/8) before its pooling, and of
            pool5, (B, C, H/32, W/32).
        channels: Channels of the two layers; 4096 in the paper.
        **kwargs: Arguments of ``BaseDecodeHead``, with ``in_index`` of the two maps.
    """

    def __init__(
        self, *, in_channels: Sequence[int], channels: int, **kwargs: Any
    ) -> None:
        super().__init__(
            in_channels=in_channels,
            channels=channels,
            input_transform="multiple_select",
            **kwargs,
        )
        of_conv4, of_pool5 = in_channels
        self.fc6 = nn.Conv2d(of_pool5, channels, 7, padding=3)
        self.fc7 = nn.Conv2d(channels, channels, 1)
        self.score_pool4 = nn.Conv2d(of_conv4, self.out_channels, 1)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Logits (B, num_classes, H/16, W/16) for the maps of the backbone."""
        conv4, features = self._transform_inputs(inputs)
        for layer in (self.fc6, self.fc7):  # cls_seg has the dropout after fc7
            if layer is self.fc7 and self.dropout is not None:
                features = self.dropout(features)
            features = F.relu(layer(features))
        skipped = self.score_pool4(F.max_pool2d(conv4, 2))
        score = self.cls_seg(features)
        size = skipped.shape[-2:]
        return skipped + resize(score, size, mode="bilinear", align_corners=False)

"""Any backbone for images with another number of channels."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from mmseg.utils import ConfigType
from torch import Tensor, nn

from mmseg_splashkd.models.losses.arguments import check_count


@MODELS.register_module()
class ChannelAdapter(BaseModule):
    """A 1x1 convolution without bias in front of ``backbone``.

    The backbone is used as it is: its ``init_cfg``, frozen stages, batch norms and
    output indices act as without the adapter. Output channel o of the convolution
    starts as input channel o mod ``in_channels``: one channel is repeated, of four the
    first three pass unchanged. So a backbone with ImageNet weights starts from what it
    was trained on. The convolution has no bias because the first layer behind it
    commonly has a batch norm.

    Args:
        backbone: Config of any registered backbone for ``out_channels`` channels.
        in_channels: Number of channels of the images, >= 1; default 1.
        out_channels: Number of channels that the backbone takes; default 3.
        take: Indices (``in_channels`` of them, from 0) of the channels to use of images
            that have more, such as those that a teacher sees too; images with exactly
            ``in_channels`` are used whole. Default None: no others are accepted.
        init_cfg: Initialisation of the adapter as a whole; that of the backbone is in
            ``backbone``. Default None.

    Raises:
        ValueError: A count is not a whole number >= 1, or ``take`` does not fit.
    """

    def __init__(
        self,
        backbone: ConfigType,
        in_channels: int = 1,
        out_channels: int = 3,
        take: Sequence[int] | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = check_count(in_channels, "in_channels")
        self.out_channels = check_count(out_channels, "out_channels")
        self.take = None if take is None else _check_take(take, in_channels)
        self.adapter = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.backbone: Any = MODELS.build(backbone)
        with torch.no_grad():
            self.adapter.weight.zero_()
            for channel in range(out_channels):
                self.adapter.weight[channel, channel % in_channels] = 1

    def forward(self, images: Tensor) -> Any:
        """Outputs of the backbone.

        Args:
            images: (B, ``in_channels``, H, W), or with more channels if there is
                ``take``.

        Raises:
            ValueError: The images have another number of channels.
        """
        return self.backbone(self.adapter(self._taken(images)))

    def _taken(self, images: Tensor) -> Tensor:
        channels = images.shape[1]
        if channels == self.in_channels:
            return images
        if self.take is not None and channels > max(self.take):
            return images[:, self.take]
        taken = "" if self.take is None else f" and take={self.take}"
        raise ValueError(
            f"ChannelAdapter has in_channels={self.in_channels}{taken}, the images "
            f"have {channels} channels: set in_channels={channels}, load other images "
            f"(color_type of LoadImageFromFile), or name the channels to use as take"
        )


def _check_take(take: Sequence[int], count: int) -> list[int]:
    valid = all(type(index) is int and index >= 0 for index in take)
    if not valid or len(take) != count or len(set(take)) != count:
        raise ValueError(
            f"take must be {count} different indices >= 0, one per channel of "
            f"in_channels={count}; got {list(take)}"
        )
    return list(take)

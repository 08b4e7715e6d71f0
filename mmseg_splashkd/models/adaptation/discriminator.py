"""A network that tells maps of the source from maps of the target."""

from itertools import pairwise

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

STRIDE = 2
WIDTHS = (1, 2, 4, 8)  # times the first


@MODELS.register_module()
class DomainDiscriminator(BaseModule):
    """Five convolutions of 4x4 and stride 2, with leaky ReLU and no norm.

    Tsai et al., "Learning to Adapt Structured Output Space for Semantic Segmentation",
    CVPR 2018, section 4.1: C-64-128-256-512-1.

    Args:
        in_channels: Number of classes C.
        channels: Width of the first convolution; default 64. The others have 2, 4 and 8
            times as many.
        slope: Factor of negative values in leaky ReLU; default 0.2, as in the paper.
        init_cfg: Initialisation, of ``BaseModule``; default None: that of torch.

    Raises:
        ValueError: A width is below 1.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 64,
        slope: float = 0.2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if min(in_channels, channels) < 1:
            raise ValueError(
                f"in_channels={in_channels} and channels={channels} must be above 0"
            )
        widths = [in_channels, *(channels * times for times in WIDTHS)]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [_convolution(before, after), nn.LeakyReLU(slope)]
        self.layers = nn.Sequential(*layers, _convolution(widths[-1], 1))

    def forward(self, maps: Tensor) -> Tensor:
        """Scores (B, 1, H // 32, W // 32) of (B, C, H, W) maps.

        Raises:
            ValueError: The maps are smaller than 32 pixels.
        """
        smallest = STRIDE ** (len(WIDTHS) + 1)
        if min(maps.shape[-2:]) < smallest:
            height, width = maps.shape[-2:]
            raise ValueError(
                f"a DomainDiscriminator needs maps of at least {smallest}x{smallest} "
                f"pixels, got {height}x{width}: train with larger crops"
            )
        return self.layers(maps)


def _convolution(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel_size=4, stride=STRIDE, padding=1)

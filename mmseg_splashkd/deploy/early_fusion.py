"""SegFormer's decode head with its fusion before the upsampling, for exported files."""

import copy
from typing import Any

import torch
from mmseg.models.decode_heads import SegformerHead
from torch import Tensor, nn
from torch.nn import functional as F

from mmseg_splashkd.deploy.deployed import Deployed


class EarlyFusionHead(nn.Module):
    """A ``SegformerHead`` that fuses its maps where they are small.

    The head upsamples four maps to a quarter of the image, joins them, and reduces them
    by a 1x1 convolution, which is the largest layer of a small SegFormer. Both steps
    are linear, and one acts on positions, the other on channels. So each map can
    be reduced by its own part of the weights first, and be added after the upsampling:
    the same sum, in another order, for a third of the multiplications.

    Of two classes, the difference of the logits is returned, which ``Deployed`` would
    take after their upsampling.

    Args:
        head: A head in the mode of tests; its layers are shared.
    """

    def __init__(self, head: SegformerHead) -> None:
        super().__init__()
        self.head = head
        fused: Any = head.fusion_conv
        scale, shift = _affine(fused)
        weights = (fused.conv.weight * scale.view(-1, 1, 1, 1)).detach()
        first, *others = weights.split(head.channels, 1)
        self.largest = _pointwise(first, shift)
        self.smaller = nn.ModuleList(_pointwise(each) for each in others)

    def forward(self, inputs: Any) -> Tensor:
        """Logits of features.

        Args:
            inputs: Features of the backbone, the largest first.

        Returns:
            (B, C, h, w) logits; of two classes, their difference (B, 1, h, w).
        """
        head = self.head
        chosen = head._transform_inputs(inputs)
        maps = [conv(each) for conv, each in zip(head.convs, chosen, strict=True)]
        total = self.largest(maps[0])
        for reduce, each in zip(self.smaller, maps[1:], strict=True):
            total = total + F.interpolate(
                reduce(each),
                maps[0].shape[2:],
                mode=head.interpolate_mode,
                align_corners=head.align_corners,
            )
        logits = head.cls_seg(head.fusion_conv.activate(total))
        return logits[:, 1:] - logits[:, :1] if logits.shape[1] == 2 else logits

    def predict(self, inputs: Any, batch_img_metas: Any, test_cfg: Any) -> Tensor:
        """As of every decode head of MMSegmentation."""
        return self.head.predict_by_feat(self(inputs), batch_img_metas)


def with_early_fusion(deployed: Deployed) -> Deployed:
    """A copy of a deployed function whose ``SegformerHead`` fuses early.

    Args:
        deployed: The function, in the mode of tests.

    Returns:
        The copy; the function itself where its head is another one.
    """
    if not can_fuse_early(getattr(deployed.network, "decode_head", None)):
        return deployed
    fused = copy.deepcopy(deployed)
    fused.network.decode_head = EarlyFusionHead(fused.network.decode_head)
    return fused.eval()


def can_fuse_early(head: Any) -> bool:
    """Whether a decode head computes what ``EarlyFusionHead`` does."""
    return (
        isinstance(head, SegformerHead)
        and type(head).forward is SegformerHead.forward
        and head.interpolate_mode == "bilinear"
        and isinstance(head.fusion_conv.norm, nn.BatchNorm2d | nn.SyncBatchNorm)
        and head.fusion_conv.conv.bias is None
    )


def _affine(fused: Any) -> tuple[Tensor, Tensor]:
    """Factor and summand of each channel by batch normalisation."""
    norm = fused.norm
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def _pointwise(weight: Tensor, bias: Tensor | None = None) -> nn.Conv2d:
    conv = nn.Conv2d(weight.shape[1], weight.shape[0], 1, bias=bias is not None)
    conv.weight = nn.Parameter(weight.contiguous().clone(), requires_grad=False)
    if bias is not None:
        conv.bias = nn.Parameter(bias.detach().clone(), requires_grad=False)
    return conv

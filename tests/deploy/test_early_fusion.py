"""The head of exported SegFormers computes what it computes in training."""

import warnings
from typing import Any

import pytest
import torch
from mmseg.models.decode_heads import SegformerHead
from mmseg.registry import MODELS
from torch import nn

from mmseg_splashkd.deploy.early_fusion import EarlyFusionHead, can_fuse_early

WIDTHS = [4, 6, 8, 10]


def head_of(kind: str = "SegformerHead", **options) -> Any:
    torch.manual_seed(0)
    config = {
        "type": kind,
        "in_channels": WIDTHS,
        "in_index": [0, 1, 2, 3],
        "channels": 16,
        "num_classes": 2,
        "norm_cfg": {"type": "BN"},
        **options,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of two classes, one logit is suggested
        head = MODELS.build(config)
    for module in head.modules():
        norm: Any = module
        if isinstance(module, nn.BatchNorm2d):
            for each in (norm.weight, norm.bias, norm.running_mean):
                nn.init.normal_(each)
            nn.init.uniform_(norm.running_var, 0.5, 2)
    nn.init.normal_(head.conv_seg.weight)
    return head.eval()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("SegformerHead", {}),
        ("SegformerHead", {"align_corners": True}),
        ("SegformerHead", {"num_classes": 5}),
        ("SegformerHead", {"out_channels": 1, "threshold": 0.4}),
        ("PositionalSegformerHead", {}),
    ],
)
@pytest.mark.filterwarnings("ignore:When align_corners=True")
@torch.inference_mode()
def test_fused_early_or_late_logits_are_the_same(kind, options):
    head = head_of(kind, **options)
    assert can_fuse_early(head)
    sides = (24, 12, 6, 3)
    maps = [torch.randn(2, c, s, s + 2) for c, s in zip(WIDTHS, sides, strict=True)]
    shape = [{"img_shape": (96, 104), "pad_shape": (96, 104)}]
    expected = head.predict(maps, shape, None)
    if expected.shape[1] == 2:
        expected = expected[:, 1:] - expected[:, :1]
    found = EarlyFusionHead(head).predict(maps, shape, None)
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


class OtherHead(SegformerHead):
    """Computes something else."""

    def forward(self, inputs):
        return 2 * super().forward(inputs)


def test_other_heads_stay_as_they_are():
    nearest = head_of(interpolate_mode="nearest")
    without = head_of(norm_cfg=None)
    other = OtherHead(
        in_channels=WIDTHS,
        in_index=[0, 1, 2, 3],
        channels=16,
        num_classes=3,
        norm_cfg={"type": "BN"},
        loss_decode={"type": "CrossEntropyLoss", "avg_non_ignore": True},
    )
    for each in (nearest, without, other, nn.Conv2d(3, 3, 1), None):
        assert not can_fuse_early(each)

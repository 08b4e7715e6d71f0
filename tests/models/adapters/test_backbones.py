"""Backbones of timm and mmpretrain under heads of MMSegmentation."""

from typing import Any, ClassVar

import pytest
import torch
from mmseg.registry import MODELS

from tests.models.adapters.families import with_fcn
from tests.models.builders import build
from tests.models.segmentors.tester import SegmentorTester

timm = pytest.importorskip("timm")
pytest.importorskip("mmpretrain.models")

MOBILE = {
    "type": "TIMMBackbone",
    "model_name": "mobilenetv3_small_050",
    "pretrained": False,
    "out_indices": (0, 1, 2),
}
DINOV3 = {
    "type": "TIMMBackbone",
    "model_name": "vit_small_patch16_dinov3",
    "pretrained": False,
    "embed_dim": 16,
    "depth": 2,
    "num_heads": 2,
    "out_indices": (0, 1),
    "img_size": 64,
    "dynamic_img_size": True,
    "dynamic_img_pad": True,
}
CONVNEXT = {
    "type": "mmpretrain.ConvNeXt",
    "arch": {"depths": [1, 1, 1, 1], "channels": [8, 8, 8, 8]},
    "out_indices": [3],
    "gap_before_final_norm": False,
}


class TestTimmConvolutions(SegmentorTester):
    stride = 8
    batches: ClassVar = (1, 3)
    unused = ("blocks.2", "blocks.3", "blocks.4", "blocks.5")

    @staticmethod
    def config():
        return with_fcn(MOBILE, 16, 2)


class TestTimmDINOv3(SegmentorTester):
    stride = 16

    @staticmethod
    def config():
        return with_fcn(DINOV3, 16, 1)


class TestMMPretrainConvNeXt(SegmentorTester):
    stride = 32
    size = (64, 96)

    @staticmethod
    def config():
        return with_fcn(CONVNEXT, 8, 0)


@pytest.mark.parametrize("backbone", [MOBILE, DINOV3], ids=["convolutions", "DINOv3"])
def test_features_are_those_of_timm(backbone):
    options = {k: v for k, v in backbone.items() if k not in ("type", "model_name")}
    theirs = timm.create_model(backbone["model_name"], features_only=True, **options)
    model = build(with_fcn(backbone, 16, 1)).eval()
    model.backbone.timm_model.load_state_dict(theirs.state_dict(), strict=True)
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for ours, expected in zip(
        model.extract_feat(images), theirs.eval()(images), strict=True
    ):
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


def test_features_are_those_of_mmpretrain():
    theirs: Any = MODELS.build(CONVNEXT)
    theirs.eval()
    model = build(with_fcn(CONVNEXT, 8, 0)).eval()
    model.backbone.load_state_dict(theirs.state_dict(), strict=True)
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for ours, expected in zip(model.extract_feat(images), theirs(images), strict=True):
        assert torch.equal(ours, expected)

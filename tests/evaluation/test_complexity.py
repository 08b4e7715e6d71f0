import pytest
from mmengine.config import Config
from mmseg.registry import MODELS
from torch import nn

from mmseg_splashkd.evaluation.complexity import measure
from tests.conftest import CONFIGS


class OneConvolution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, padding=1)

    def forward(self, frame, mode):
        assert mode == "tensor"
        assert not self.training
        return self.conv(frame)


def test_one_convolution_counted_by_hand():
    cost = measure(OneConvolution(), (8, 10), repeats=1)
    assert cost.parameters == 3 * 5 * 9 + 5
    assert cost.gmacs == pytest.approx(8 * 10 * 3 * 5 * 9 / 1e9)
    assert cost.ms_per_frame > 0


def test_segformer_b0_as_published():
    # Xie et al., table 1: 3.8 M parameters (150 classes), 8.4 GFLOPs at 512x512, which
    # are multiply-accumulates.
    cfg = Config.fromfile(CONFIGS / "kd" / "segformer_b0.py").model
    cfg.decode_head.update(num_classes=150, out_channels=150)
    cost = measure(MODELS.build(cfg), (512, 512), repeats=1)
    assert cost.parameters / 1e6 == pytest.approx(3.8, abs=0.06)
    assert cost.gmacs == pytest.approx(8.4, rel=0.02)

from typing import Any

import pytest
import torch
from mmseg.registry import MODELS
from torch.nn import functional as F

from tests.models.builders import FOCAL


def head() -> Any:
    torch.manual_seed(0)
    config = {
        "type": "FCN16sHead",
        "in_channels": [6, 4],
        "in_index": [0, 1],
        "channels": 8,
        "dropout_ratio": 0.5,
        "num_classes": 3,
        "loss_decode": FOCAL,
    }
    return MODELS.build(config)


@pytest.mark.parametrize("size", [(64, 96), (70, 50)])
def test_the_scores_of_both_strides_are_added(size):
    model = head().eval()
    height, width = size
    conv4 = torch.randn(2, 6, height // 8, width // 8)
    pool5 = torch.randn(2, 4, height // 32, width // 32)
    weights = model.state_dict()

    def conv(name: str, maps: torch.Tensor, padding: int = 0) -> torch.Tensor:
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return F.conv2d(maps, weight, bias, padding=padding)

    deep = F.relu(conv("fc7", F.relu(conv("fc6", pool5, padding=3))))
    skipped = conv("score_pool4", F.max_pool2d(conv4, 2, 2))
    score = F.interpolate(
        conv("conv_seg", deep), skipped.shape[-2:], mode="bilinear", align_corners=False
    )
    with torch.no_grad():
        found = model((conv4, pool5))
    assert found.shape == (2, 3, height // 16, width // 16)
    torch.testing.assert_close(found, skipped + score)


def test_dropout_follows_both_fully_connected_layers():
    model = head().train()
    calls = []
    model.dropout.register_forward_hook(lambda *args: calls.append(args))
    model((torch.randn(1, 6, 8, 8), torch.randn(1, 4, 2, 2)))
    assert len(calls) == 2
    assert model.dropout.p == 0.5

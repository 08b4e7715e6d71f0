from typing import Any

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS

from tests.models.builders import FOCAL


def head(channels: list[int], **changes: Any) -> Any:
    torch.manual_seed(0)
    config = {
        "type": "SegNetHead",
        "in_channels": channels,
        "in_index": list(range(len(channels))),
        "dropout_ratio": 0.0,
        "num_classes": 3,
        "loss_decode": FOCAL,
        "norm_cfg": {"type": "BN"},
        **changes,
    }
    return MODELS.build(config)


@pytest.mark.parametrize("size", [(4, 6), (5, 7)])
def test_maxima_return_to_their_places_and_all_else_is_0(size):
    model = head([2], num_convs=[1])  # unpools, and classifies
    with torch.no_grad():
        model.conv_seg.weight.copy_(torch.eye(3, 2)[..., None, None])
        model.conv_seg.bias.zero_()
    features = torch.randn(1, 2, *size)
    expected = np.zeros((1, 3, *size), np.float32)
    for channel in range(2):
        for row in range(0, size[0] - 1, 2):
            for column in range(0, size[1] - 1, 2):
                block = features[0, channel, row : row + 2, column : column + 2]
                down, right = np.unravel_index(int(block.argmax()), (2, 2))
                place = (0, channel, row + down, column + right)
                expected[place] = block.max()
    with torch.no_grad():
        np.testing.assert_array_equal(model((features,)).numpy(), expected)


def test_the_decoder_mirrors_vgg16():
    model = head([64, 128, 256, 512, 512])
    widths = [
        [each.conv.out_channels for each in stage] for stage in reversed(model.stages)
    ]
    assert widths == [[512] * 3, [512, 512, 256], [256, 256, 128], [128, 64], [64]]
    maps = [
        torch.randn(2, c, 64 >> i, 48 >> i) for i, c in enumerate(model.in_channels)
    ]
    assert model(maps).shape == (2, 3, 64, 48)


def test_one_number_of_convolutions_per_stage():
    with pytest.raises(
        ValueError, match=r"num_convs=\[2, 2\] has 2 numbers for 1 stages"
    ):
        head([8], num_convs=[2, 2])

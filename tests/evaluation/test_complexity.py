import pytest
import torch
from torch import nn

from mmseg_splashkd.evaluation.complexity import count

# Convolutions worked out by hand: output pixels x weights of a filter x filters.
BY_HAND = 12 * 16 * (3 * 9) * 5 + 6 * 8 * (5 * 9) * 7 + 6 * 8 * 7 * 2


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 5, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(5, 7, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(7),
        nn.Conv2d(7, 2, 1),
    )


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_network_of_three_convolutions_counted_by_hand(device):
    model = network().to(device)
    cost = count(model, model, torch.zeros(1, 3, 24, 32, device=device))
    assert not model.training
    convolutions = (3 * 5 * 9 + 5) + 5 * 7 * 9 + (7 * 2 + 2)
    assert cost.parameters == convolutions + 2 * 7
    assert cost.gmacs == pytest.approx(BY_HAND / 1e9, rel=1e-12)
    assert cost.stride == 4


def test_stride_of_logits_that_padding_makes_larger():
    model = nn.Conv2d(3, 2, 3, stride=4, padding=3)
    assert count(model, model, torch.zeros(1, 3, 8, 64)).stride == 8 / 3

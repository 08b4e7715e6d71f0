"""Domain losses against their formulas in float64 NumPy."""

import numpy as np
import pytest
import torch

from mmseg_splashkd.models.adaptation.adversarial import domain_loss
from mmseg_splashkd.models.adaptation.discriminator import DomainDiscriminator


def scores() -> torch.Tensor:
    return torch.randn(2, 1, 3, 5, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("is_source", [True, False])
def test_binary_cross_entropy(is_source):
    z = scores().double().numpy()
    p = 1 / (1 + np.exp(-z))
    expected = -np.log(p if is_source else 1 - p).mean()
    loss = domain_loss(scores().double(), is_source)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("is_source", [True, False])
def test_least_squares(is_source):
    z = scores().double().numpy()
    loss = domain_loss(scores().double(), is_source, "ls")
    assert loss.item() == pytest.approx(((z - is_source) ** 2).mean(), rel=1e-12)


def test_half_precision_is_computed_in_single():
    assert domain_loss(scores().bfloat16(), True).dtype == torch.float32


def test_another_kind_is_an_error():
    with pytest.raises(ValueError, match=r"\('bce', 'ls'\), got 'hinge'"):
        domain_loss(scores(), True, "hinge")


def test_discriminator_halves_five_times():
    net = DomainDiscriminator(2, channels=4)
    assert net(torch.zeros(3, 2, 96, 161)).shape == (3, 1, 3, 5)
    convolutions = [p for name, p in net.named_parameters() if "weight" in name]
    assert [tuple(p.shape) for p in convolutions] == [
        (4, 2, 4, 4),
        (8, 4, 4, 4),
        (16, 8, 4, 4),
        (32, 16, 4, 4),
        (1, 32, 4, 4),
    ]


def test_discriminator_learns_to_tell_two_domains():
    torch.manual_seed(0)
    net = DomainDiscriminator(2, channels=4)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    calm, rough = torch.rand(4, 2, 32, 32) * 0.1, torch.rand(4, 2, 32, 32)
    for _ in range(60):
        loss = domain_loss(net(calm), True) + domain_loss(net(rough), False)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert net(calm).min() > 0 > net(rough).max()


def test_too_small_maps_and_widths_are_errors():
    with pytest.raises(ValueError, match=r"at least 32x32 pixels, got 31x40"):
        DomainDiscriminator(2)(torch.zeros(1, 2, 31, 40))
    with pytest.raises(ValueError, match="in_channels=0 and channels=64 must be above"):
        DomainDiscriminator(0)

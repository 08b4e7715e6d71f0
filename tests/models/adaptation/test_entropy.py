"""Entropies against scipy and their formulas in float64 NumPy."""

import math

import numpy as np
import pytest
import torch
from scipy import special, stats

from mmseg_splashkd.models.adaptation.entropy import (
    class_ratio_loss,
    entropy_loss,
    self_information,
)


def logits(classes: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(2, classes, 4, 5, generator=generator, dtype=torch.float64)


def test_the_sum_of_self_information_is_the_entropy_in_units_of_its_maximum():
    z = logits()
    p = special.softmax(z.numpy(), axis=1)
    expected = stats.entropy(p, base=3, axis=1)
    np.testing.assert_allclose(self_information(z).sum(1).numpy(), expected, atol=1e-12)
    assert entropy_loss(z).item() == pytest.approx(expected.mean(), rel=1e-12)


def test_equal_classes_have_entropy_1_and_sure_ones_0():
    assert entropy_loss(torch.zeros(1, 7, 2, 2)).item() == pytest.approx(1)
    sure = torch.zeros(1, 2, 3, 3, requires_grad=True)
    loss = entropy_loss(sure + torch.tensor([0.0, 2e4])[:, None, None])
    assert loss.item() == 0
    (slope,) = torch.autograd.grad(loss, sure)
    assert torch.isfinite(slope).all()


def test_a_share_counts_the_pixels_of_highest_entropy_in_each_image():
    z = logits()
    p = special.softmax(z.numpy(), axis=1)
    entropy = np.sort(stats.entropy(p, base=3, axis=1).reshape(2, 20), axis=1)
    expected = entropy[:, -6:].mean()  # 30 % of 20
    assert entropy_loss(z, share=0.3).item() == pytest.approx(expected, rel=1e-12)
    assert entropy_loss(z, share=0.001).item() == pytest.approx(entropy[:, -1].mean())
    assert entropy_loss(z, share=1.0).item() == pytest.approx(entropy_loss(z).item())


def test_class_ratio_loss():
    z, shares = logits(), np.array([0.7, 0.29, 0.01])
    p = special.softmax(z.numpy(), axis=1).mean((2, 3))
    expected = np.maximum(0, 0.9 * shares - p).sum(1).mean()
    assert expected > 0
    loss = class_ratio_loss(z, torch.tensor(shares), mu=0.9)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_more_of_a_class_than_asked_for_costs_nothing():
    # Half of each class, where 0.5 * (0.9, 0.1) is asked for.
    loss = class_ratio_loss(torch.zeros(1, 2, 3, 3), torch.tensor([0.9, 0.1]))
    assert loss.item() == 0
    # One class everywhere: the other one lacks its whole 0.05.
    lost = torch.tensor([math.log(1e9), 0.0])[None, :, None, None].expand(1, 2, 3, 3)
    loss = class_ratio_loss(lost, torch.tensor([0.9, 0.1]))
    assert loss.item() == pytest.approx(0.05, abs=1e-6)

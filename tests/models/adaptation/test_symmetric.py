"""Symmetric cross-entropy against its formula in float64 NumPy."""

import numpy as np
import pytest
import torch
from scipy import special

from mmseg_splashkd.models.adaptation.symmetric import symmetric_cross_entropy


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 3, (2, 4, 5), generator=generator)
    labels[1, 0] = 255
    return logits, labels


def test_both_cross_entropies_of_labelled_pixels():
    logits, labels = batch()
    p = special.softmax(logits.numpy(), axis=1).transpose(0, 2, 3, 1)
    valid = labels.numpy() != 255
    p, label = p[valid], np.eye(3)[labels.numpy()[valid]]
    forward = -(label * np.log(p)).sum(1).mean()
    clipped = np.clip(p, 1e-7, 1), np.log(np.clip(label, 1e-4, 1))
    reverse = -(clipped[0] * clipped[1]).sum(1).mean()
    loss = symmetric_cross_entropy(logits, labels)
    assert loss.item() == pytest.approx(0.1 * forward + reverse, rel=1e-12)
    loss = symmetric_cross_entropy(logits, labels, alpha=1.0, beta=0.0)
    expected = torch.nn.functional.cross_entropy(logits, labels, ignore_index=255)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)


def test_the_reverse_one_is_bounded_by_the_label_of_0():
    logits = torch.tensor([60.0, -60.0])[None, :, None, None]
    wrong = torch.ones(1, 1, 1, dtype=torch.long)
    loss = symmetric_cross_entropy(logits, wrong, alpha=0.0)
    assert loss.item() == pytest.approx(-np.log(1e-4), rel=1e-5)
    assert symmetric_cross_entropy(logits, 1 - wrong, alpha=0.0).item() < 1e-5


def test_without_labels_it_is_0_with_a_gradient_of_0():
    logits = torch.randn(1, 2, 3, 3, requires_grad=True)
    loss = symmetric_cross_entropy(logits, torch.full((1, 3, 3), 255))
    (slope,) = torch.autograd.grad(loss, logits)
    assert loss.item() == 0
    assert not slope.any()

"""Prototypes against their formulas in float64 NumPy."""

import numpy as np
import pytest
import torch
from scipy import special
from scipy.spatial import distance as scipy_distance

from mmseg_splashkd.models.adaptation.prototypes import (
    ClassMeans,
    class_means,
    corrected_labels,
    degeneration_loss,
    distances,
    moved,
    nearness,
    structure_loss,
)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_means_of_classes_without_ignored_pixels():
    features = random(2, 5, 3, 4)
    labels = torch.randint(0, 3, (2, 3, 4), generator=torch.Generator().manual_seed(1))
    labels[0, 0] = 255
    means, pixels = class_means(features, labels, 4)
    vectors = features.numpy().transpose(0, 2, 3, 1)
    for k in range(3):
        chosen = vectors[labels.numpy() == k]
        np.testing.assert_allclose(means[k].numpy(), chosen.mean(0), atol=1e-12)
        assert pixels[k] == len(chosen)
    assert pixels[3] == 0
    assert not means[3].any()


def test_a_batch_moves_the_prototypes_of_its_classes():
    batch = ClassMeans(torch.tensor([[2.0], [9.0]]), torch.tensor([5, 0]))
    new = moved(torch.tensor([[1.0], [4.0]]), batch, momentum=0.9)
    assert new.tolist() == [[pytest.approx(1.1)], [4.0]]


def test_distances_of_scipy_and_exact_zeros():
    features, prototypes = random(2, 5, 3, 4), random(6, 5, seed=1)
    found = distances(features, prototypes)
    vectors = features.numpy().transpose(0, 2, 3, 1).reshape(-1, 5)
    expected = scipy_distance.cdist(vectors, prototypes.numpy())
    expected = expected.reshape(2, 3, 4, 6).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-12)
    far = (1000 + random(1, 5, 1, 1)).float()
    assert distances(far, far[:, :, 0, 0]).item() == 0


def test_distances_are_not_computed_in_half_precision():
    features, prototypes = random(1, 64, 2, 2).float(), random(3, 64).float()
    expected = distances(features, prototypes)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(distances(features, prototypes), expected)


def test_labels_are_corrected_by_nearness():
    d, soft = random(2, 3, 4, 5).abs(), random(2, 3, 4, 5, seed=1).softmax(1)
    weights = special.softmax(-d.numpy() / 0.5, axis=1)
    np.testing.assert_allclose(nearness(d, 0.5).numpy(), weights, atol=1e-12)
    expected = (weights * soft.numpy()).argmax(1)
    assert (expected != soft.numpy().argmax(1)).any()
    assert corrected_labels(soft, d, 0.5).numpy().tolist() == expected.tolist()


def test_structure_loss_is_the_divergence_of_both_views():
    weak, strong = random(2, 3, 4, 5).abs(), random(2, 3, 4, 5, seed=1).abs()
    p = special.softmax(-weak.numpy(), axis=1)
    q = special.softmax(-strong.numpy(), axis=1)
    expected = special.rel_entr(p, q).sum(1).mean()
    both = weak.requires_grad_(), strong.requires_grad_()
    loss = structure_loss(*both)
    assert loss.item() == pytest.approx(expected, rel=1e-10)
    of_weak, of_strong = torch.autograd.grad(loss, both, allow_unused=True)
    assert of_weak is None
    assert of_strong.abs().sum() > 0


def test_degeneration_loss_is_least_for_equal_classes():
    z = random(2, 3, 4, 5)
    expected = -special.log_softmax(z.numpy(), axis=1).mean()
    assert degeneration_loss(z).item() == pytest.approx(expected, rel=1e-12)
    assert degeneration_loss(torch.zeros(1, 3, 2, 2)).item() == pytest.approx(np.log(3))

"""Losses against labels, and their gradients, against the formulas in float64."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional import (
    focal_modulation,
    resize_logits,
    softmax_focal_loss,
)
from tests.models.losses import oracles
from tests.models.losses.oracles import numpy64
from tests.models.losses.probes import gradient, logits_and_labels, slope

GAMMAS = [0.0, 0.5, 2.0]
SHAPES = [(2, 2, 5, 7), (1, 3, 4, 4), (1, 2, 1, 1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("gamma", GAMMAS)
def test_focal_loss_is_its_formula(gamma, shape):
    logits, labels = logits_and_labels(shape)

    expected = oracles.focal(numpy64(logits), labels.numpy(), gamma)
    actual = softmax_focal_loss(logits, labels, gamma)
    assert actual.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_focal_loss_weighs_classes(gamma):
    logits, labels = logits_and_labels((2, 3, 5, 7))
    weight = torch.tensor([0.2, 1.0, 5.0])

    expected = oracles.focal(numpy64(logits), labels.numpy(), gamma, numpy64(weight))
    actual = softmax_focal_loss(logits, labels, gamma, weight)
    assert actual.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_only_the_ratios_of_class_weights_matter(scale):
    logits, labels = logits_and_labels((1, 3, 2, 3))
    weight = scale * torch.tensor([0.2, 1.0, 5.0])
    valid = labels != 255
    assert (weight[labels[valid]].sum() < 1) == (scale < 1)

    expected = oracles.focal(numpy64(logits), labels.numpy(), 2.0, numpy64(weight))
    actual = softmax_focal_loss(logits, labels, 2.0, weight)
    assert actual.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weight", [None, torch.tensor([0.2, 1.0, 5.0])])
def test_focal_loss_without_gamma_is_cross_entropy(weight):
    logits, labels = logits_and_labels((2, 3, 5, 7))

    expected = F.cross_entropy(logits, labels, weight, ignore_index=255)
    torch.testing.assert_close(softmax_focal_loss(logits, labels, 0, weight), expected)


def test_focal_loss_by_hand():
    # One pixel with pt = 3/4: (1/4)^2 * log(4/3); the other is ignored.
    logits = torch.tensor([[[[0.0, 9.0]], [[3.0, -9.0]]]])
    logits[0, 1, 0, 0] = torch.tensor(3.0).log()
    labels = torch.tensor([[[1, 255]]])

    expected = torch.tensor(4 / 3).log() / 16
    torch.testing.assert_close(softmax_focal_loss(logits, labels, 2.0), expected)
    torch.testing.assert_close(
        focal_modulation(logits, labels, 2.0), torch.tensor(1 / 16)
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("gamma", GAMMAS)
def test_modulation_is_its_formula(gamma, shape):
    logits, labels = logits_and_labels(shape)

    expected = oracles.modulation(numpy64(logits), labels.numpy(), gamma)
    actual = focal_modulation(logits, labels, gamma)
    assert actual.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("loss", ["focal", "modulation"])
def test_gradient_against_labels_is_that_of_the_formula(loss, gamma):
    logits, labels = logits_and_labels((2, 3, 3, 2))
    ours = {"focal": softmax_focal_loss, "modulation": focal_modulation}[loss]

    expected = slope(lambda z: getattr(oracles, loss)(z, labels.numpy(), gamma), logits)
    actual = gradient(lambda z: ours(z, labels, gamma), logits)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-6)


def every_loss(logits: Tensor, labels: Tensor, gamma: float) -> dict[str, Tensor]:
    return {
        "focal": softmax_focal_loss(logits, labels, gamma),
        "modulation": focal_modulation(logits, labels, gamma),
    }


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize(
    ("dtype", "extreme"),
    [(torch.float16, 6e4), (torch.bfloat16, 1e30), (torch.float32, 1e30)],
)
def test_extreme_logits_give_finite_losses_and_gradients(dtype, extreme, gamma):
    signs = torch.tensor([[1.0, -1.0, 1.0, 0.0], [-1.0, 1.0, 1.0, 0.0]])
    logits = (extreme * signs)[None, :, None].to(dtype)
    labels = torch.tensor([[[0, 0, 1, 1]]])

    for name in every_loss(logits, labels, gamma):
        leaf = logits.clone().requires_grad_()
        loss = every_loss(leaf, labels, gamma)[name]
        assert loss.dtype == torch.float32
        assert loss.isfinite()
        (derivative,) = torch.autograd.grad(loss, leaf)
        assert derivative.dtype == dtype
        assert derivative.isfinite().all()


@pytest.mark.parametrize("gamma", GAMMAS)
def test_half_precision_is_computed_in_single(gamma):
    logits, labels = logits_and_labels((2, 3, 5, 7))
    half = logits.half()

    for name, loss in every_loss(half, labels, gamma).items():
        torch.testing.assert_close(loss, every_loss(half.float(), labels, gamma)[name])


@pytest.mark.parametrize("gamma", GAMMAS)
def test_certain_and_correct_logits_have_zero_loss_and_gradient(gamma):
    logits = torch.tensor([[[[60.0]], [[-60.0]]]])
    labels = torch.zeros(1, 1, 1, dtype=torch.long)

    assert softmax_focal_loss(logits, labels, gamma).item() == 0
    for loss in (softmax_focal_loss, focal_modulation):
        pull = gradient(lambda z, loss=loss: loss(z, labels, gamma), logits)
        assert torch.equal(pull, torch.zeros_like(pull))


@pytest.mark.parametrize("gamma", GAMMAS)
def test_nothing_valid_is_zero_with_zero_gradient(gamma):
    logits, labels = logits_and_labels((2, 3, 5, 7))
    labels.fill_(255)

    for loss in (softmax_focal_loss, focal_modulation):
        assert loss(logits, labels, gamma).item() == 0
        pull = gradient(lambda z, loss=loss: loss(z, labels, gamma), logits)
        assert torch.equal(pull, torch.zeros_like(pull))


def test_nothing_valid_is_zero_with_class_weights():
    logits, labels = logits_and_labels((2, 3, 5, 7))
    labels.fill_(255)

    weight = torch.tensor([0.2, 1.0, 5.0])
    assert softmax_focal_loss(logits, labels, 2.0, weight).item() == 0


@pytest.mark.parametrize("weight", [None, np.array([0.5, 2.0, 4.0])])
def test_an_absent_class_takes_no_part(weight):
    logits, labels = logits_and_labels((2, 3, 5, 7))
    labels[labels == 1] = 2

    tensor = None if weight is None else torch.tensor(weight).float()
    actual = softmax_focal_loss(logits, labels, 2.0, tensor)
    expected = oracles.focal(numpy64(logits), labels.numpy(), 2.0, weight)
    assert actual.item() == pytest.approx(expected, rel=1e-5)


def test_another_label_may_be_the_ignored_one():
    logits, labels = logits_and_labels((2, 3, 5, 7))
    renamed = labels.where(labels != 255, 7)

    for loss in (softmax_focal_loss, focal_modulation):
        expected = loss(logits, labels, gamma=2.0)
        actual = loss(logits, renamed, gamma=2.0, ignore_index=7)
        torch.testing.assert_close(actual, expected)


def test_resizing_is_single_precision_and_free_where_sizes_agree():
    logits = torch.tensor([[[[0.0, 1.0]]]]).half()

    assert torch.equal(resize_logits(logits, torch.Size((1, 2)), False), logits.float())
    by_edges, by_corners = (
        resize_logits(logits, torch.Size((1, 4)), corners)[0, 0, 0]
        for corners in (False, True)
    )
    torch.testing.assert_close(by_edges, torch.tensor([0.0, 0.25, 0.75, 1.0]))
    torch.testing.assert_close(by_corners, torch.tensor([0.0, 1 / 3, 2 / 3, 1.0]))

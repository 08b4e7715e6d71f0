"""Losses between logits: hand-computed values and edge cases.

Values, gradients and precision: ``tests.models.losses.test_logit_terms``.
"""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional import (
    channel_wise_divergence,
    dist_class_relation,
    dist_pixel_relation,
    kl_divergence,
    logit_mse,
    margin_kl_divergence,
)
from tests.models.losses import oracles
from tests.models.losses.oracles import numpy64
from tests.models.losses.probes import (
    gradient,
    two_maps,
)

TEMPERATURES = [0.5, 1.0, 4.0]
EXTREME = [
    kl_divergence,
    margin_kl_divergence,
    channel_wise_divergence,
    dist_pixel_relation,
]


@pytest.mark.parametrize("shape", [(2, 2, 5, 7), (1, 2, 1, 1)])
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_margin_kl_is_kl(temperature, shape):
    student, teacher = two_maps(shape)

    expected = oracles.kl(numpy64(student), numpy64(teacher), temperature)
    actual = margin_kl_divergence(student, teacher, temperature)
    assert actual.item() == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(actual, kl_divergence(student, teacher, temperature))
    pull = gradient(lambda z: margin_kl_divergence(z, teacher, temperature), student)
    same = gradient(lambda z: kl_divergence(z, teacher, temperature), student)
    torch.testing.assert_close(pull, same, rtol=1e-5, atol=1e-7)


def test_default_temperatures():
    student, teacher = two_maps((2, 2, 3, 4))

    for loss in (kl_divergence, margin_kl_divergence, dist_pixel_relation):
        assert torch.equal(loss(student, teacher), loss(student, teacher, 1.0))
    expected = channel_wise_divergence(student, teacher, 4.0)
    assert torch.equal(channel_wise_divergence(student, teacher), expected)


@pytest.mark.parametrize(
    ("dtype", "extreme"),
    [(torch.float16, 6e4), (torch.bfloat16, 1e30), (torch.float32, 1e30)],
)
@pytest.mark.parametrize("loss_of", EXTREME)
def test_extreme_logits_give_finite_losses_and_gradients(loss_of, dtype, extreme):
    signs = torch.tensor([[1.0, -1.0, 1.0, 0.0], [-1.0, 1.0, 1.0, 0.0]])
    logits = (extreme * signs)[None, :, None].to(dtype)

    leaf = logits.clone().requires_grad_()
    loss = loss_of(leaf, -logits)
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    (derivative,) = torch.autograd.grad(loss, leaf)
    assert derivative.dtype == dtype
    assert derivative.isfinite().all()


def test_margin_kl_keeps_small_differences_of_certain_pixels():
    # Both are sure of one class: to 1e-8 of the probability, and the KL is far below
    # the last digit of the logarithms' larger summands.
    margins = np.array([18.0, 19.0])
    for sign in (1, -1):
        student, teacher = (
            torch.tensor([0.0, sign * margin], dtype=torch.float32)[None, :, None, None]
            for margin in margins
        )
        expected = oracles.kl(numpy64(student), numpy64(teacher), 1.0)
        actual = margin_kl_divergence(student, teacher)
        assert actual.item() == pytest.approx(expected, rel=1e-3)


# By hand.


def test_kl_by_hand():
    # p = (3/4, 1/4) against q = (1/2, 1/2): log 2 - entropy(p).
    student = torch.zeros(1, 2, 1, 1)
    teacher = torch.tensor([math.log(3.0), 0.0])[None, :, None, None]

    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    for loss in (kl_divergence, margin_kl_divergence):
        assert loss(student, teacher).item() == pytest.approx(expected)
        # At T = 2 of doubled logits it is the same, times T^2.
        doubled = loss(2 * student, 2 * teacher, 2.0)
        assert doubled.item() == pytest.approx(4 * expected)


def test_kl_includes_ignored_pixels():
    # It takes no labels: one differing pixel of four counts a quarter.
    student, teacher = torch.zeros(2, 1, 2, 2, 2)
    teacher[0, 0, 0, 0] = 1.0

    one = kl_divergence(student[..., :1, :1], teacher[..., :1, :1])
    torch.testing.assert_close(kl_divergence(student, teacher), one / 4)


def test_cwd_by_hand():
    # Pixels 3/4 and 1/4 against 1/2 and 1/2, in one of two channels.
    student, teacher = torch.zeros(2, 1, 2, 1, 2)
    teacher[0, 1, 0, 0] = math.log(3.0)

    one = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    value = channel_wise_divergence(student, teacher, 1.0).item()
    assert value == pytest.approx(one / 2)


def test_cwd_is_invariant_to_a_shift_of_a_channel():
    student, teacher = two_maps((2, 3, 4, 5), torch.float64)

    shift = torch.tensor([5.0, -3.0, 1.0])[:, None, None]
    expected = channel_wise_divergence(student, teacher)
    moved = channel_wise_divergence(student + shift, teacher)
    torch.testing.assert_close(moved, expected)


def test_dist_by_hand():
    # Two pixels, swapped: as classes and as pixels they correlate with -1.
    student = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    teacher = student.flip(3)

    for loss in (dist_class_relation, dist_pixel_relation):
        assert loss(student, teacher).item() == pytest.approx(2)
        assert loss(student, teacher, 4.0).item() == pytest.approx(2 * 16)


def test_dist_is_invariant_to_scale_and_shift_of_probabilities():
    # Probabilities 1/3 + k d correlate with 1/3 + d whatever k > 0.
    deviations = torch.tensor([0.1, -0.04, -0.06])[None, :, None, None]
    student, teacher = (1 / 3 + deviations).log(), (1 / 3 + 2 * deviations).log()

    assert dist_class_relation(student, teacher).item() == pytest.approx(0, abs=1e-6)
    assert kl_divergence(student, teacher).item() > 1e-3


def test_dist_pixel_relation_is_of_each_image():
    # Two images, each constant but not equal: nothing to correlate within either.
    student = torch.zeros(2, 2, 3, 3)
    student[1, 0] = 1.0
    teacher = -student

    assert dist_pixel_relation(student, teacher).item() == 0


@pytest.mark.parametrize("size", [(4, 5), (1, 1)])
@pytest.mark.parametrize("level", [0.0, 0.3, 7.0])
@pytest.mark.parametrize("relation", [dist_class_relation, dist_pixel_relation])
def test_constant_maps_have_no_correlation_and_no_gradient(relation, level, size):
    # All classes at one level: constant over classes and over pixels. Rounding must not
    # be taken for variation.
    _, teacher = two_maps((2, 3, *size))
    student = torch.full_like(teacher, level)

    assert relation(student, teacher).item() == 0
    pull = gradient(lambda z: relation(z, teacher), student)
    assert torch.equal(pull, torch.zeros_like(pull))


def test_constant_maps_of_unequal_classes_have_no_correlation_over_pixels():
    _, teacher = two_maps((2, 3, 9, 11))
    levels = torch.tensor([0.3, -1.1, 0.7])[:, None, None]
    student = levels.expand_as(teacher).clone()

    assert dist_pixel_relation(student, teacher).item() == 0
    pull = gradient(lambda z: dist_pixel_relation(z, teacher), student)
    assert torch.equal(pull, torch.zeros_like(pull))


def test_standardised_logits_by_hand():
    # (0, 1, 2) has z-scores -1, 0, 1, and so has (10, 30, 50).
    student = torch.tensor([0.0, 1.0, 2.0])[None, :, None, None]
    teacher = torch.tensor([10.0, 30.0, 50.0])[None, :, None, None]
    zero = torch.zeros_like(student)
    z_scores = torch.tensor([-1.0, 0.0, 1.0])[None, :, None, None]

    close = kl_divergence(student, teacher, standardize=True).item()
    assert close == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(
        kl_divergence(zero, teacher, 2.0, standardize=True),
        kl_divergence(zero, z_scores, 2.0),
    )


def test_standardising_equal_logits_gives_no_exploding_gradient():
    # A head that begins at zero: its z-scores would have a slope of 1 / 0.
    _, teacher = two_maps((2, 3, 4, 5))
    student = torch.zeros_like(teacher)

    pull = gradient(lambda z: kl_divergence(z, teacher, standardize=True), student)
    assert pull.isfinite().all()
    assert pull.abs().max() < 1e3


# No gradient for two classes.


def largest_pull(loss, student, teacher) -> float:
    return gradient(lambda z: loss(z, teacher), student).abs().max().item()


def test_of_two_classes_standardising_leaves_the_sign_alone():
    student, teacher = two_maps((2, 2, 5, 7), torch.float64)
    loss = partial(kl_divergence, standardize=True)

    assert largest_pull(loss, student, teacher) < 1e-12
    assert largest_pull(kl_divergence, student, teacher) > 1e-3
    first = loss(student, teacher)
    torch.testing.assert_close(loss(100 * student, teacher), first)


def test_of_two_classes_dist_correlates_pixels_alone():
    student, teacher = two_maps((2, 2, 5, 7), torch.float64)

    assert largest_pull(dist_class_relation, student, teacher) < 1e-12
    assert largest_pull(dist_pixel_relation, student, teacher) > 1e-3
    opposed = student.argmax(1) != teacher.argmax(1)
    expected = 2 * opposed.double().mean()
    torch.testing.assert_close(dist_class_relation(student, teacher), expected)


def test_margin_kl_takes_two_classes():
    with pytest.raises(ValueError, match="unpack"):
        margin_kl_divergence(*two_maps((2, 3, 4, 5)))


def test_softmax_is_over_classes_at_each_pixel():
    # An upsampled map has the same mean over its pixels.
    student, teacher = two_maps((2, 3, 4, 5))

    larger, other = (F.interpolate(z, scale_factor=2) for z in (student, teacher))
    for loss in (kl_divergence, logit_mse):
        expected = loss(student, teacher)
        torch.testing.assert_close(loss(larger, other), expected)

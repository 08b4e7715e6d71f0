"""Losses between features, and their gradients, against the formulas in float64."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional import (
    attention_transfer,
    cross_image_relation,
    feature_cosine,
    feature_mse,
    intra_class_variation,
    pairwise_similarity,
)
from tests.models.losses import oracles
from tests.models.losses.oracles import numpy64
from tests.models.losses.probes import (
    extreme_maps,
    gradient,
    slope,
    two_maps,
)

SIZE = 2  # of the pooled maps: maps below are larger, and not multiples of it


def labels_of(maps: Tensor) -> Tensor:
    """Labels (B, 2 h + 1, 3 w) of classes 0, 2 and 3; a fifth is ignored."""
    B, _, h, w = maps.shape
    generator = torch.Generator().manual_seed(1)
    values = torch.tensor([0, 2, 3, 3, 255])
    draws = torch.randint(5, (B, 2 * h + 1, 3 * w), generator=generator)
    labels = values[draws]
    labels[0, 0, 0] = 2  # so that one pixel at least is valid
    return labels


# Each as a function of two maps: ours, and the formula.
LOSSES = {
    "skd": (
        lambda s, t: pairwise_similarity(s, t, SIZE),
        lambda s, t: oracles.skd(s, t, SIZE),
    ),
    "skd_whole": (pairwise_similarity, lambda s, t: oracles.skd(s, t, 16)),
    "ifvd": (
        lambda s, t: intra_class_variation(s, t, labels_of(s)),
        lambda s, t: oracles.ifvd(s, t, labels_of(torch.tensor(s)).numpy()),
    ),
    "cirkd": (
        lambda s, t: cross_image_relation(s, t, 0.1, SIZE),
        lambda s, t: oracles.cirkd(s, t, 0.1, SIZE),
    ),
    "cirkd_whole": (
        lambda s, t: cross_image_relation(s, t, 0.5),
        lambda s, t: oracles.cirkd(s, t, 0.5, 16),
    ),
    "mse": (feature_mse, oracles.mse),
    "cosine": (feature_cosine, oracles.cosine_distance),
    "attention": (attention_transfer, oracles.attention),
}
MULTIPLIES = ["skd", "ifvd", "cirkd"]  # matrices
UNLIKE = ["skd", "ifvd", "cirkd", "attention"]  # channel counts may differ
SHAPES = [(2, 3, 5, 4), (3, 4, 1, 3), (1, 2, 1, 1)]
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", LOSSES)
def test_value_is_that_of_the_formula(name, shape):
    ours, oracle = LOSSES[name]
    student, teacher = two_maps(shape)

    expected = oracle(numpy64(student), numpy64(teacher))
    actual = ours(student, teacher)
    assert actual.item() == pytest.approx(expected, rel=2e-5, abs=1e-7)
    exact = ours(student.double(), teacher.double())
    assert exact.dtype == torch.float64
    assert exact.item() == pytest.approx(expected, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("name", UNLIKE)
def test_student_and_teacher_may_have_other_numbers_of_channels(name):
    ours, oracle = LOSSES[name]
    student, _ = two_maps((2, 3, 5, 4))
    _, teacher = two_maps((2, 6, 5, 4))

    expected = oracle(numpy64(student), numpy64(teacher))
    assert ours(student, teacher).item() == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_that_of_the_formula(name):
    ours, oracle = LOSSES[name]
    student, teacher = two_maps((2, 3, 3, 2), torch.float64)

    expected = slope(lambda f: oracle(f, numpy64(teacher)), student)
    actual = gradient(lambda f: ours(f, teacher), student)
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-9)
    single = gradient(lambda f: ours(f, teacher.float()), student.float())
    np.testing.assert_allclose(single, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 1e4])
@pytest.mark.parametrize("name", LOSSES)
def test_equal_features_cost_nothing(name, scale, dtype):
    ours, _ = LOSSES[name]
    for size in ((5, 4), (1, 1)):
        features, _ = two_maps((2, 3, *size), dtype, scale)
        value = ours(features, features.clone()).item()
        if name == "cosine":  # 1 - 1, each to its last digit
            assert value == pytest.approx(0, abs=1e-6)
        else:
            assert value == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", LOSSES)
def test_large_features_in_half_precision_are_computed_in_single(name, dtype):
    ours, oracle = LOSSES[name]
    student, teacher = extreme_maps((2, 3, 5, 4), dtype)
    if name == "cosine":  # zero features have a test below
        student[..., 0, 0] = teacher[..., 0, 0]

    leaf = student.clone().requires_grad_()
    loss = ours(leaf, teacher)
    assert loss.dtype == torch.float32
    expected = oracle(numpy64(student), numpy64(teacher))
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    (pull,) = torch.autograd.grad(loss, leaf)
    assert pull.dtype == dtype
    assert pull.isfinite().all()


@pytest.mark.parametrize("name", MULTIPLIES)
def test_autocast_halves_no_matrix_product(name):
    ours, _ = LOSSES[name]
    student, teacher = two_maps((2, 3, 5, 4))

    expected = ours(student, teacher)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(ours(student, teacher), expected)


@pytest.mark.parametrize("size", [(5, 4), (1, 1)])
@pytest.mark.parametrize("level", [0.0, 1e-9, 3.0])
@pytest.mark.parametrize("name", LOSSES)
def test_constant_and_zero_features_pull_with_bounded_force(name, level, size):
    ours, _ = LOSSES[name]
    _, teacher = two_maps((2, 3, *size))

    constant = torch.full_like(teacher, level)
    for one, two in ((constant, teacher), (teacher, constant)):
        assert ours(one, two).isfinite()
        pull = gradient(lambda f, t=two: ours(f, t), one)
        assert pull.isfinite().all()
        assert pull.abs().max() < 10


# By hand.


def pixels_of(*vectors: list[float]) -> Tensor:
    """A map (1, C, 1, n) of n vectors."""
    return torch.tensor(vectors).T[None, :, None]


def test_pairwise_similarity_by_hand():
    # Orthogonal pixels against parallel ones: 2 of the 4 cosines are 0 against 1.
    student = pixels_of([3.0, 0.0], [0.0, 5.0])
    teacher = pixels_of([1.0, 0.0, 0.0], [2.0, 0.0, 0.0])

    assert pairwise_similarity(student, teacher).item() == pytest.approx(2 / 4)
    # Pooled to one node each, there is nothing to compare.
    alone = pairwise_similarity(student, teacher, nodes=1).item()
    assert alone == pytest.approx(0, abs=1e-12)


def test_pooling_averages_equal_patches_and_what_remains():
    # Of 5 columns 3 nodes are made: 2, 2 and 1.
    student, teacher = two_maps((1, 2, 1, 5))
    nodes = [
        torch.stack([m[..., 0:2].mean(-1), m[..., 2:4].mean(-1), m[..., 4]], -1)
        for m in (student, teacher)
    ]

    expected = pairwise_similarity(nodes[0], nodes[1])
    torch.testing.assert_close(pairwise_similarity(student, teacher, 3), expected)
    related = cross_image_relation(nodes[0], nodes[1])
    torch.testing.assert_close(cross_image_relation(student, teacher, 0.1, 3), related)


def test_intra_class_variation_by_hand():
    # Mean of class 0 is (1, 1), with a cosine of 1 / sqrt(2) to both of its pixels; the
    # teacher's are equal, with a cosine of 1. Class 1 has one pixel, equal to its mean.
    student = pixels_of([2.0, 0.0], [0.0, 2.0], [7.0, -7.0])
    teacher = pixels_of([4.0, 3.0], [4.0, 3.0], [1.0, 0.0])
    labels = torch.tensor([[[0, 0, 1]]])

    expected = 2 * (1 - 0.5**0.5) ** 2 / 3
    value = intra_class_variation(student, teacher, labels).item()
    assert value == pytest.approx(expected, rel=1e-5)
    labels[0, 0, 2] = 255
    value = intra_class_variation(student, teacher, labels).item()
    assert value == pytest.approx(1.5 * expected, rel=1e-5)


def test_means_are_those_of_the_batch():
    # One pixel an image: of its own image, each would be the mean itself.
    student = pixels_of([2.0, 0.0], [0.0, 2.0]).permute(3, 1, 2, 0)
    teacher = pixels_of([1.0, 0.0], [1.0, 0.0]).permute(3, 1, 2, 0)
    labels = torch.zeros(2, 1, 1, dtype=torch.long)

    value = intra_class_variation(student, teacher, labels).item()
    assert value == pytest.approx((1 - 0.5**0.5) ** 2, rel=1e-5)


def test_ignored_pixels_take_no_part_in_intra_class_variation():
    student, teacher = two_maps((2, 3, 4, 4))
    labels = labels_of(student)[:, :4, :4]
    labels[0, 0] = 255
    ignored = (labels == 255)[:, None]
    assert ignored.any()
    assert not ignored.all()

    expected = intra_class_variation(student, teacher, labels)
    noise, _ = two_maps((2, 3, 4, 4), scale=1e3)
    seen, taught = (torch.where(ignored, noise, maps) for maps in (student, teacher))
    actual = intra_class_variation(seen, taught, labels)
    torch.testing.assert_close(actual, expected)
    pull = gradient(lambda f: intra_class_variation(f, teacher, labels), student)
    assert not pull[ignored.expand_as(pull)].any()
    assert pull[~ignored.expand_as(pull)].all()


@pytest.mark.parametrize("ignored", [1, 7, -1, 1000])
def test_another_label_may_be_the_ignored_one(ignored):
    student, teacher = two_maps((2, 3, 4, 4))
    labels = labels_of(student)

    expected = intra_class_variation(student, teacher, labels)
    renamed = labels.where(labels != 255, ignored)
    actual = intra_class_variation(student, teacher, renamed, ignored)
    assert torch.equal(actual, expected)


def test_nothing_valid_is_zero_with_zero_gradient():
    student, teacher = two_maps((2, 3, 4, 4))
    labels = torch.full((2, 8, 8), 255)

    assert intra_class_variation(student, teacher, labels).item() == 0
    pull = gradient(lambda f: intra_class_variation(f, teacher, labels), student)
    assert torch.equal(pull, torch.zeros_like(pull))


@pytest.mark.parametrize("size", [(8, 8), (4, 4), (9, 13), (2, 3)])
def test_labels_are_resized_as_the_host_does(size):
    student, teacher = two_maps((2, 3, 4, 4))
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (2, *size), generator=generator)

    resized = F.interpolate(labels[:, None].double(), (4, 4), mode="nearest")
    expected = intra_class_variation(student, teacher, resized.squeeze(1).long())
    actual = intra_class_variation(student, teacher, labels)
    assert torch.equal(actual, expected)


def test_cross_image_relation_by_hand():
    # Two images of one row, T 1. The student's rows hold the cosines (1, 0) and (0, 1),
    # the teacher's all 1: uniform against the sigmoid of 1, in every row of every pair.
    student = pixels_of([1.0, 0.0], [0.0, 1.0]).repeat(2, 1, 1, 1)
    teacher = pixels_of([1.0, 0.0], [2.0, 0.0]).repeat(2, 1, 1, 1)

    q = 1 / (1 + np.exp(-1.0))
    expected = 0.5 * np.log(0.5 / q) + 0.5 * np.log(0.5 / (1 - q))
    value = cross_image_relation(student, teacher, temperature=1.0).item()
    assert value == pytest.approx(expected, rel=1e-5)


def test_relations_reach_across_images():
    # Equal within each image, and turned against each other: only pairs of two images
    # tell, which are half of all.
    student = torch.cat([pixels_of([1.0, 0.0], [0.0, 1.0])] * 2)
    teacher = student.clone()
    teacher[1] = teacher[1].flip(2)

    alone = cross_image_relation(student[1:], teacher[1:], 1.0)
    assert alone.item() == pytest.approx(0, abs=1e-7)
    q = 1 / (1 + np.exp(-1.0))
    expected = (2 * q - 1) * np.log(q / (1 - q)) / 2
    value = cross_image_relation(student, teacher, 1.0).item()
    assert value == pytest.approx(expected, rel=1e-5)


def test_cosine_by_hand():
    student = pixels_of([3.0, 0.0], [0.0, 1.0], [1.0, 1.0])
    teacher = pixels_of([1.0, 0.0], [0.0, -2.0], [1.0, 0.0])

    expected = (0 + 2 + (1 - 0.5**0.5)) / 3
    assert feature_cosine(student, teacher).item() == pytest.approx(expected, rel=1e-5)


def test_zero_features_have_no_direction_to_be_pulled_in():
    student = pixels_of([0.0, 0.0], [0.0, 1.0])
    teacher = pixels_of([1.0, 0.0], [1.0, 0.0])

    assert feature_cosine(student, teacher).item() == pytest.approx(1 / 2)
    pull = gradient(lambda f: feature_cosine(f, teacher), student)
    expected = torch.zeros_like(pull)
    expected[0, 0, 0, 1] = -1 / 2
    torch.testing.assert_close(pull, expected)


def test_attention_by_hand():
    # Energies (9, 16) / 2 become (9, 16) / sqrt(337), and (25, 0) / 3 become (1, 0).
    student = pixels_of([3.0, 0.0], [0.0, 4.0])
    teacher = pixels_of([0.0, 5.0, 0.0], [0.0, 0.0, 0.0])

    expected = ((9 / 337**0.5 - 1) ** 2 + (16 / 337**0.5) ** 2) / 2
    value = attention_transfer(student, teacher).item()
    assert value == pytest.approx(expected, rel=1e-5)


def test_attention_sees_no_scale_of_an_image():
    student, teacher = two_maps((2, 3, 5, 4), torch.float64)

    scales = torch.tensor([0.1, 30.0], dtype=torch.float64)[:, None, None, None]
    expected = attention_transfer(student, teacher)
    torch.testing.assert_close(attention_transfer(scales * student, teacher), expected)

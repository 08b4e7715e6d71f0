"""Losses between features: hand-computed values and edge cases.

Values, gradients and precision: ``tests.models.losses.test_feature_terms``.
"""

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional import (
    attention_transfer,
    cross_image_relation,
    feature_cosine,
    intra_class_variation,
    pairwise_similarity,
)
from tests.models.losses.probes import gradient, two_maps
from tests.models.losses.tester import labels_of

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
    # One pixel per image: within its own image, each would equal the mean.
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
    noisy_s, noisy_t = (
        torch.where(ignored, noise, maps) for maps in (student, teacher)
    )
    actual = intra_class_variation(noisy_s, noisy_t, labels)
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
def test_labels_are_resized_as_by_torch(size):
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


def test_relations_are_between_images():
    # Equal within each image, and turned against each other: only pairs of two
    # images differ, which are half of all.
    student = torch.cat([pixels_of([1.0, 0.0], [0.0, 1.0])] * 2)
    teacher = student.clone()
    teacher[1] = teacher[1].flip(2)

    alone = cross_image_relation(student[1:], teacher[1:], 1.0)
    assert alone.item() == pytest.approx(0, abs=1e-7)
    q = 1 / (1 + np.exp(-1.0))
    expected = (2 * q - 1) * np.log(q / (1 - q)) / 2
    value = cross_image_relation(student, teacher, 1.0).item()
    assert value == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("at_once", [1, 40, 119, 144])
def test_cosines_in_chunks_are_those_of_the_whole(at_once):
    # 2 images of 6 pixels: 12 rows of 12 cosines, of which a chunk has 1, 3, 9 or 12.
    student, teacher = two_maps((2, 5, 2, 3), torch.float64)

    def value(s: Tensor, numbers: int) -> Tensor:
        return cross_image_relation(s, teacher, at_once=numbers)

    whole = value(student, 10**9)
    torch.testing.assert_close(value(student, at_once), whole, rtol=1e-12, atol=0)
    pulls = [gradient(partial(value, numbers=k), student) for k in (at_once, 10**9)]
    torch.testing.assert_close(*pulls, rtol=1e-10, atol=1e-14)
    assert torch.autograd.gradcheck(
        partial(value, numbers=at_once), student.requires_grad_()
    )


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_cosines_in_chunks_are_those_of_the_whole_in_single_precision(temperature):
    student, teacher = two_maps((3, 16, 16, 16))
    values, pulls = [], []
    for numbers in (50_000, 10**9):  # 65 of 768 rows, or all
        leaf = student.clone().requires_grad_()
        loss = cross_image_relation(leaf, teacher, temperature, at_once=numbers)
        values.append(loss.detach())
        pulls.extend(torch.autograd.grad(loss, leaf))
    torch.testing.assert_close(*values, rtol=1e-5, atol=0)
    assert (pulls[0] - pulls[1]).abs().max() < 1e-5 * pulls[1].abs().max()


def test_chunks_of_equal_features_have_zero_loss_and_gradient():
    student, _ = two_maps((2, 5, 2, 3))

    def value(s: Tensor) -> Tensor:
        return cross_image_relation(s, student, at_once=40)

    assert value(student).item() == 0
    assert gradient(value, student).abs().max() < 1e-6


def test_chunks_keep_no_cosines_for_the_gradient():
    # 4 images of 64 pixels: without chunks, matrices of 256 x 256 are kept.
    student, teacher = two_maps((4, 3, 8, 8))
    kept: list[int] = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    for at_once, largest in ((2**16, 256 * 256), (2**16 - 1, 256 * 3)):
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = cross_image_relation(
                student.requires_grad_(), teacher, at_once=at_once
            )
        assert loss.requires_grad
        assert max(kept) == largest


def test_cosine_by_hand():
    student = pixels_of([3.0, 0.0], [0.0, 1.0], [1.0, 1.0])
    teacher = pixels_of([1.0, 0.0], [0.0, -2.0], [1.0, 0.0])

    expected = (0 + 2 + (1 - 0.5**0.5)) / 3
    assert feature_cosine(student, teacher).item() == pytest.approx(expected, rel=1e-5)


def test_zero_features_have_no_gradient():
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


def test_attention_is_invariant_to_the_scale_of_an_image():
    student, teacher = two_maps((2, 3, 5, 4), torch.float64)

    scales = torch.tensor([0.1, 30.0], dtype=torch.float64)[:, None, None, None]
    expected = attention_transfer(student, teacher)
    torch.testing.assert_close(attention_transfer(scales * student, teacher), expected)

"""Weights and errors by the teacher's class: values by hand, and corner cases.

Formulas in float64: ``tests.models.losses.test_logit_terms``, and for the error
``tests.models.losses.test_focal_modulated_kd_loss``.
"""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from mmseg_splashkd.models.losses.functional import (
    focal_modulation,
    kl_divergence,
    rarity_weights,
    student_error,
)
from tests.models.losses.probes import gradient, two_maps


def teacher_of(*classes: int, count: int = 2, margin: float = 4.0) -> Tensor:
    """Logits (1, count, 1, n) of a teacher that predicts these classes."""
    chosen = torch.tensor(classes)[None, None, None]
    return margin * (chosen == torch.arange(count)[:, None, None]).double()


def by_power(teacher: Tensor, **options: Any) -> list[float]:
    return rarity_weights(teacher, **options).flatten().tolist()


def test_each_class_has_an_equal_part():
    # Three pixels of class 0 and one of class 1, which share 4 pixels' weight.
    weights = by_power(teacher_of(0, 0, 0, 1))
    assert weights == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])


def test_a_power_between_0_and_1_is_between_pixels_and_classes():
    # Rarities 1 / sqrt(.75) and 2, of mean .75 / sqrt(.75) + .5.
    mean = 0.75**0.5 + 0.5
    expected = [0.75**-0.5 / mean] * 3 + [2 / mean]
    assert by_power(teacher_of(0, 0, 0, 1), power=0.5) == pytest.approx(expected)


def test_power_0_is_plain_kl_to_the_last_digit():
    for dtype in (torch.float32, torch.float64):
        student, teacher = two_maps((3, 3, 7, 11), dtype)
        weights = rarity_weights(teacher, 0.0)
        assert torch.equal(weights, torch.ones_like(weights))
        expected = kl_divergence(student, teacher)
        assert torch.equal(kl_divergence(student, teacher, weights=weights), expected)


@pytest.mark.parametrize("classes", [(0, 0, 0), (1, 1, 1)], ids=["none", "all"])
def test_one_class_alone_has_equal_weights(classes):
    # No pixel is rare, or all are.
    assert by_power(teacher_of(*classes)) == pytest.approx([1, 1, 1])


def test_a_class_of_fewer_pixels_than_the_floor_has_less_than_its_part():
    # 1 pixel of 100, as if it were 10: its weight is 9 times one of the others.
    weights = rarity_weights(teacher_of(*[0] * 99, 1), floor=0.1).flatten()
    assert (weights[-1] / weights[0]).item() == pytest.approx(9.9)
    assert weights.mean().item() == pytest.approx(1)


def test_given_shares_do_not_depend_on_the_batch():
    # Of 90 and 10 %: 1 / (2 f). The batch has a half of each.
    expected = [1 / 1.8, 1 / 0.2]
    assert by_power(teacher_of(0, 1), shares=[0.9, 0.1]) == pytest.approx(expected)
    assert by_power(teacher_of(0, 1), shares=[900, 100]) == pytest.approx(expected)
    # A class that the shares do not have counts as the floor.
    assert by_power(teacher_of(0, 1), shares=[1, 0], floor=0.01) == [1, 100]


@pytest.mark.parametrize("shape", [(1, 2, 1, 1), (2, 4, 5, 7)])
def test_weights_have_a_mean_of_1(shape):
    _, teacher = two_maps(shape)
    for power in (0.5, 1.0, 2.0):
        weights = rarity_weights(teacher.half(), power)
        assert weights.shape == (shape[0], *shape[2:])
        assert weights.dtype == torch.float32
        assert weights.mean().item() == pytest.approx(1)


# The part of the loss that is about 1 % of foreground.


def foreground(size: int = 40) -> tuple[Tensor, Tensor, Tensor]:
    """Student and teacher (1, 2, size, size), and where the teacher sees splash.

    The student has learned that all is background, with a margin of 2 to 4, as after
    the first iterations. Splash is a square of 1 % of the pixels.
    """
    generator = torch.Generator().manual_seed(0)
    margin = 2 + 2 * torch.rand(1, size, size, generator=generator).double()
    splash = torch.zeros(1, size, size, dtype=torch.bool)
    splash[:, : size // 10, : size // 10] = True
    sure = torch.where(splash, -3.0, 3.0).double()
    student, teacher = (
        torch.stack([z, torch.zeros_like(z)], 1) for z in (margin, sure)
    )
    return student, teacher, splash


def part(pull: Tensor, splash: Tensor) -> float:
    """Share of the L1 norm of a gradient that is on splash pixels."""
    return (pull.abs().sum(1)[splash].sum() / pull.abs().sum()).item()


def test_the_part_of_splash_in_the_weights_grows_from_a_hundredth_to_a_half():
    student, teacher, splash = foreground()
    for power, expected in ((0.0, 0.01), (0.5, 0.0913), (1.0, 0.5)):
        weights = rarity_weights(teacher, power)
        share = (weights[splash].sum() / weights.sum()).item()
        assert share == pytest.approx(expected, abs=1e-4)

        # Of the gradient, more than that: on splash, the student is wrong.
        pull = gradient(
            partial(kl_divergence, teacher=teacher, weights=weights), student
        )
        plain = gradient(partial(kl_divergence, teacher=teacher), student)
        odds = part(plain, splash) / (1 - part(plain, splash))
        odds *= (weights[splash].mean() / weights[~splash].mean()).item()
        assert part(pull, splash) == pytest.approx(odds / (1 + odds))
        assert part(pull, splash) > share
    assert part(plain, splash) < 0.5
    assert part(pull, splash) > 0.95


def test_the_error_on_splash_does_not_switch_the_teacher_off():
    student, teacher, splash = foreground()
    labels = splash.long()

    # The focal modulation of all pixels is a hundredth, although all splash is missed.
    assert focal_modulation(student, labels, 2.0).item() < 0.015
    assert student_error(student, teacher, classes=[1]).item() > 0.8
    # Of both classes, half: the background is known.
    assert student_error(student, teacher).item() == pytest.approx(0.45, abs=0.05)
    # The student learns splash: it fades.
    assert student_error(teacher, teacher, classes=[1]).item() < 0.01


# The student's error.


def test_error_by_hand():
    # Class 1 at two pixels, of which the student gives it 1/4 and 1/2; class 0 at one,
    # which it gives 1/2.
    p = torch.tensor([[[[0.75, 0.5, 0.5]], [[0.25, 0.5, 0.5]]]]).double()
    student, teacher = p.log(), teacher_of(1, 1, 0)

    rare = (0.75**2 + 0.5**2) / 2
    error = student_error(student, teacher, 2.0, classes=[1])
    assert error.item() == pytest.approx(rare)
    assert student_error(student, teacher, 2.0).item() == pytest.approx(
        (rare + 0.5**2) / 2
    )
    assert student_error(student, teacher, 1.0, classes=[0]).item() == 0.5
    assert student_error(student, teacher, 0.0).item() == 1


def test_pixels_below_the_threshold_take_no_part():
    student, _ = two_maps((1, 2, 1, 3), torch.float64)
    teacher = teacher_of(1, 1, 0)
    teacher[0, 1, 0, 0] = 0.5  # a probability of .62, the others of .98

    sure = student_error(student[..., 1:2], teacher[..., 1:2], classes=[1])
    actual = student_error(student, teacher, threshold=0.7, classes=[1])
    torch.testing.assert_close(actual, sure)
    other = student_error(student, teacher, threshold=0.6, classes=[1])
    assert other.item() != pytest.approx(sure.item())


def test_a_class_counts_where_it_is_the_most_probable():
    # Of (.2, .5, .3), class 2 has no pixel, although it has .3.
    student, _ = two_maps((1, 3, 1, 1), torch.float64)
    teacher = torch.tensor([0.2, 0.5, 0.3]).log()[None, :, None, None]
    assert student_error(student, teacher, threshold=0.0, classes=[2]).item() == 0
    assert student_error(student, teacher, threshold=0.0, classes=[1]).item() > 0


@pytest.mark.parametrize("threshold", [0.5, 0.999])
def test_no_such_pixel_is_zero_with_zero_gradient(threshold):
    student, teacher = two_maps((2, 3, 4, 4), torch.float64)
    if threshold == 0.5:  # sure, but never of class 2
        teacher[:, 2] = -50

    error = partial(
        student_error, teacher=teacher, gamma=0.5, threshold=threshold, classes=[2]
    )
    assert error(student).item() == 0
    assert not gradient(error, student).any()


def test_gradients_are_those_of_differences():
    student, teacher = two_maps((2, 3, 2, 3), torch.float64)
    student.requires_grad_()
    for gamma in (0.5, 1.0, 2.0):
        error = partial(student_error, teacher=teacher, gamma=gamma, classes=[0, 2])
        assert torch.autograd.gradcheck(error, student)
    weighted = partial(kl_divergence, teacher=teacher, weights=rarity_weights(teacher))
    assert torch.autograd.gradcheck(weighted, student)


def test_a_student_that_is_sure_has_a_finite_gradient():
    student, teacher = 1e4 * teacher_of(1, 0).float(), teacher_of(1, 1).float()
    for gamma in (0.5, 2.0):
        error = partial(student_error, teacher=teacher, gamma=gamma)
        assert error(student).item() == pytest.approx(0.5)
        assert gradient(error, student).isfinite().all()
    for dtype in (torch.float16, torch.bfloat16):
        assert student_error(student.to(dtype) / 1e4, teacher.to(dtype)).dtype == (
            torch.float32
        )

"""The temporal loss: float64 NumPy, and corners by hand."""

from typing import Any

import numpy as np
import pytest
import torch

from mmseg_splashkd.models.losses.functional import temporal_disagreement


def random_pair(
    shape: tuple[int, ...] = (2, 3, 4, 5), scale: int = 2, dtype=torch.float32
) -> Any:
    """Logits of two frames, and their images."""
    generator = torch.Generator().manual_seed(0)
    B, _, h, w = shape
    logits = 3 * torch.randn(2, *shape, generator=generator)
    images = torch.randn(2, B, 3, scale * h, scale * w, generator=generator)
    return [each.to(dtype) for each in (*logits, *images)]


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def oracle(logits, others, images, other_images, alpha, scale) -> list[float]:
    means = []
    for b in range(len(logits)):
        total = 0.0
        for y in range(logits.shape[2]):
            for x in range(logits.shape[3]):
                place = np.s_[
                    b, :, scale * y : scale * (y + 1), scale * x : scale * (x + 1)
                ]
                change = images[place].mean((1, 2)) - other_images[place].mean((1, 2))
                p, q = softmax(logits)[b, :, y, x], softmax(others)[b, :, y, x]
                total += np.exp(-alpha * np.abs(change).sum()) * ((p - q) ** 2).sum()
        means.append(total / (logits.shape[2] * logits.shape[3]))
    return means


@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("scale", [1, 4])
def test_it_is_the_formula_in_float64(alpha, scale):
    pair = random_pair(scale=scale)
    expected = oracle(
        *(each.double().numpy() for each in pair), alpha=alpha, scale=scale
    )
    assert temporal_disagreement(*pair, alpha=alpha).tolist() == pytest.approx(expected)


def test_static_frames_that_agree_have_no_loss():
    logits, _, image, _ = random_pair()
    assert temporal_disagreement(logits, logits, image, image).tolist() == [0, 0]


def test_static_frames_that_disagree_are_compared_everywhere():
    z = torch.tensor([40.0, -40.0]).view(1, 2, 1, 1).expand(1, 2, 3, 3)
    image = torch.zeros(1, 3, 3, 3)
    assert temporal_disagreement(z, -z, image, image).item() == pytest.approx(2)


def test_frames_that_changed_everywhere_are_not_compared():
    z = torch.tensor([40.0, -40.0]).view(1, 2, 1, 1).expand(1, 2, 3, 3)
    image = torch.zeros(1, 3, 3, 3)
    assert temporal_disagreement(z, -z, image, image + 9).item() < 1e-11


def test_changes_of_channels_do_not_cancel():
    z = torch.tensor([40.0, -40.0]).view(1, 2, 1, 1)
    image = torch.zeros(1, 3, 1, 1)
    other = torch.tensor([2.0, -2.0, 0.0]).view(1, 3, 1, 1)
    found = temporal_disagreement(z, -z, image, other).item()
    assert found == pytest.approx(2 * np.exp(-4))


def test_both_frames_learn_and_images_do_not():
    logits, others, *images = random_pair(dtype=torch.float64)
    inputs = [logits.requires_grad_(), others.requires_grad_(), *images]
    assert torch.autograd.gradcheck(temporal_disagreement, inputs)
    swapped = temporal_disagreement(others, logits, images[1], images[0])
    assert torch.equal(temporal_disagreement(*inputs), swapped)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    pair = [each.to(dtype) for each in random_pair()]
    expected = temporal_disagreement(*(each.float() for each in pair))
    assert torch.equal(temporal_disagreement(*pair), expected)


def test_extreme_logits_have_finite_gradients():
    logits, others, *images = random_pair()
    logits = (1e4 * logits).requires_grad_()
    temporal_disagreement(logits, -1e4 * others, *images).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()

"""Losses of labels with one pixel of the class, or with no pixel that counts."""

from typing import Any

import pytest
import torch
from torch import Tensor

from mmseg_splashkd.models.losses.functional import intra_class_variation
from tests.models.builders import distiller, losses_of, random_batch, segformer

SIZE = (32, 32)


def one_pixel() -> Tensor:
    label = torch.zeros(1, *SIZE, dtype=torch.long)
    label[0, 17, 21] = 1
    return label


def ignored() -> Tensor:
    return torch.full((1, *SIZE), 255)


def stepped(label: Tensor) -> tuple[Any, dict[str, Tensor]]:
    """A distilled model and its losses after their gradients were computed."""
    model = distiller(segformer(), segformer()).train()
    batch = random_batch(size=SIZE)
    for sample in batch["data_samples"]:
        sample.gt_sem_seg.data = label.clone()
    losses = losses_of(model, batch)
    torch.stack([v for k, v in losses.items() if "loss" in k]).sum().backward()
    return model, losses


@pytest.mark.parametrize("draw", [one_pixel, ignored])
def test_losses_and_gradients_are_finite(draw):
    model, losses = stepped(draw())
    assert all(bool(value.isfinite().all()) for value in losses.values())
    slopes = [p.grad for p in model.parameters() if p.grad is not None]
    assert slopes
    assert all(bool(slope.isfinite().all()) for slope in slopes)


def test_ignored_labels_have_a_loss_of_exactly_zero():
    _, losses = stepped(ignored())
    of_labels = [key for key in losses if key.endswith("loss_label")]
    assert of_labels
    assert all(losses[key].item() == 0 for key in of_labels)


@pytest.mark.parametrize(("row", "classes"), [(16, 2), (20, 1)])
def test_a_pixel_between_samples_of_a_smaller_label_does_not_count(row, classes):
    # The label is sampled at every eighth row and column.
    label = torch.zeros(1, 32, 32, dtype=torch.long)
    label[0, row, 16] = 1
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 1, 3, 4, 4, generator=generator)
    found = intra_class_variation(student, teacher, label)
    without = intra_class_variation(student, teacher, torch.zeros_like(label))
    assert found.isfinite()
    assert (found == without) == (classes == 1)

"""The registered shell: its arguments reach the formula, and mmseg's heads take it."""

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_splashkd.models.losses import SoftmaxFocalLoss
from mmseg_splashkd.models.losses.functional import softmax_focal_loss
from tests.models.builders import (
    FOCAL,
    build,
    losses_of,
    random_batch,
    segformer,
)
from tests.models.losses.probes import logits_and_labels


@pytest.fixture
def pixels():
    return logits_and_labels((2, 3, 5, 7))


def test_arguments_reach_the_formula(pixels):
    logits, labels = pixels
    loss = SoftmaxFocalLoss(gamma=0.5, class_weight=[1, 2, 3], loss_weight=0.25)

    weight = torch.tensor([1.0, 2.0, 3.0])
    expected = 0.25 * softmax_focal_loss(logits, labels, 0.5, weight)
    torch.testing.assert_close(loss(logits, labels), expected)


def test_the_ignored_label_is_that_of_the_head(pixels):
    logits, labels = pixels
    loss = SoftmaxFocalLoss()

    expected = loss(logits, labels)
    torch.testing.assert_close(
        loss(logits, labels.where(labels != 255, 7), ignore_index=7), expected
    )


def test_weights_of_another_number_of_classes_are_refused():
    logits, labels = torch.zeros(1, 2, 3, 3), torch.zeros(1, 3, 3).long()
    with pytest.raises(ValueError, match="has 1 weights for 2 classes: give one per"):
        SoftmaxFocalLoss(class_weight=[1])(logits, labels)


def test_class_weights_are_in_no_checkpoint_but_follow_the_model():
    loss = SoftmaxFocalLoss(class_weight=[1, 2])

    assert loss.state_dict() == {}
    assert next(loss.to("meta").buffers()).is_meta


def test_is_the_loss_of_an_mmseg_head_under_its_name():
    model = build(segformer(loss_decode={**FOCAL, "loss_name": "loss_mine"}))
    batch = random_batch()

    losses = losses_of(model, batch)
    assert losses.keys() == {"decode.loss_mine", "decode.acc_seg"}
    losses["decode.loss_mine"].backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_pixel_samplers_are_refused(pixels):
    with pytest.raises(ValueError, match="remove the head's sampler"):
        SoftmaxFocalLoss()(*pixels, weight=torch.ones(2, 5, 7))


def test_a_name_that_mmengine_would_not_sum_is_refused():
    with pytest.raises(ValueError, match=r"loss_name='focal' does not contain 'loss'"):
        MODELS.build({"type": "SoftmaxFocalLoss", "loss_name": "focal"})


def test_a_negative_gamma_is_refused():
    with pytest.raises(ValueError, match=r"gamma must be >= 0, got -1"):
        MODELS.build({"type": "SoftmaxFocalLoss", "gamma": -1})

"""One logit z per pixel for two classes: the sigmoid of z is the softmax of (0, z)."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.segmentors.outputs import class_logits, forward_outputs
from tests.models.builders import (
    build,
    distiller,
    fcn,
    labelled,
    losses_of,
    random_batch,
    segformer,
)
from tests.models.losses.oracles import numpy64

SIGMOID = {"type": "CrossEntropyLoss", "use_sigmoid": True, "avg_non_ignore": True}
ONE = {"out_channels": 1, "threshold": 0.3, "loss_decode": SIGMOID}
CE = {"type": "FocalModulatedKDLoss", "label_loss": "ce"}
RARE = {
    **CE,
    "terms": [{"type": "RarityKLDLoss"}, {"type": "CWDLoss"}],
    "student_error": {"classes": [1]},
}


def margin(model: Any, images: Tensor) -> Tensor:
    """z (B, h, w) of a model with one or two logits per pixel."""
    logits = model(images, mode="tensor")
    return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]


def test_logits_of_other_models_stay_as_they_are():
    two, three = torch.rand(1, 2, 3, 4), torch.rand(1, 3, 3, 4)
    one = torch.randn(1, 1, 3, 4)
    assert class_logits(two, 2) is two
    assert class_logits(three, 3) is three
    assert class_logits(one, 1) is one
    sigmoid = torch.cat([1 - one.sigmoid(), one.sigmoid()], 1)
    torch.testing.assert_close(class_logits(one, 2).softmax(1), sigmoid)


@pytest.mark.parametrize("auxiliary", [False, True])
def test_outputs_have_two_classes(auxiliary):
    model = build(fcn(auxiliary=auxiliary, **ONE)).eval()
    images = torch.randn(2, 3, 32, 32)
    for fused in (False, True):
        logits = forward_outputs(model, images, fused).logits
        assert torch.equal(logits[:, :1], torch.zeros_like(logits[:, :1]))
        assert torch.equal(logits[:, 1:], model(images, mode="tensor"))


@pytest.mark.parametrize(
    ("student", "teacher"), [(1, 1), (1, 2), (2, 1)], ids=lambda count: f"{count}"
)
def test_losses_are_those_of_the_margin(student, teacher):
    heads = {1: ONE, 2: {}}
    model = distiller(
        segformer(**heads[student]), fcn(**heads[teacher]), distill_loss=CE
    ).train()
    batch = random_batch()
    images = model.data_preprocessor(copy.deepcopy(batch), True)["inputs"]
    losses = losses_of(model, batch)
    with torch.no_grad():
        z = margin(model.student, images)
        t = margin(model.teacher, images)[:, None]
    labels = torch.cat([each.gt_sem_seg.data for each in batch["data_samples"]])
    valid = (labels != 255).numpy()
    large = F.interpolate(z[:, None], labels.shape[-2:], mode="bilinear")[:, 0]
    p, y = 1 / (1 + np.exp(-numpy64(large)[valid])), labels.numpy()[valid]
    pt = np.where(y == 1, p, 1 - p)
    assert losses["label"].item() == pytest.approx(-np.log(pt).mean(), rel=1e-5)
    m = ((1 - pt) ** 2).mean()
    assert losses["modulation"].item() == pytest.approx(m, rel=1e-5)
    t = numpy64(F.interpolate(t, z.shape[-2:], mode="bilinear")[:, 0])
    q, p = (1 / (1 + np.exp(-each)) for each in (numpy64(z), t))
    kl = (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))).mean()
    assert losses["distill"].item() == pytest.approx(kl, rel=1e-4)
    losses["loss_distill"].backward()
    assert all(weight.grad is not None for weight in model.parameters())


@pytest.mark.parametrize("loss", [CE, RARE], ids=["ce", "rare"])
def test_the_same_weights_give_the_same_losses_as_two_logits(loss):
    one = distiller(segformer(**ONE), fcn(**ONE), distill_loss=loss).train()
    two = distiller(segformer(), fcn(), distill_loss=loss).train()
    for wide, narrow in ((two.student, one.student), (two.teacher, one.teacher)):
        state = narrow.state_dict()
        for name in ("conv_seg.weight", "conv_seg.bias"):
            for head in ("decode_head", "auxiliary_head"):
                if (key := f"{head}.{name}") in state:
                    z = state[key]
                    state[key] = torch.cat([torch.zeros_like(z), z])
        wide.load_state_dict(state)
    batch = random_batch()
    expected = losses_of(two, copy.deepcopy(batch))
    actual = losses_of(one, batch)
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        assert actual[name].item() == pytest.approx(value.item(), rel=1e-5), name


def test_the_student_stays_the_plain_one():
    model = distiller(segformer(**ONE), segformer(), distill_loss=CE).eval()
    plain = build(segformer(**ONE)).eval()
    assert list(model.state_dict()) == list(plain.state_dict())
    plain.load_state_dict(model.state_dict())
    assert (model.out_channels, model.num_classes) == (1, 2)
    results = []
    for each in (model, plain):
        data = each.data_preprocessor(random_batch(frames=1), False)
        (sample,) = each(**data, mode="predict")
        results.append(sample)
    ours, theirs = results
    assert torch.equal(ours.seg_logits.data, theirs.seg_logits.data)
    assert torch.equal(ours.pred_sem_seg.data, theirs.pred_sem_seg.data)
    assert torch.equal(ours.pred_sem_seg.data == 1, ours.seg_logits.data > 0.3)


def test_teachers_of_one_and_two_logits_are_averaged():
    model = distiller(
        segformer(), [segformer(**ONE), fcn()], teacher_checkpoint=["a", "b"]
    )
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        first, second = (
            class_logits(each(images, mode="tensor"), 2)
            for each in model.teachers.members
        )
    second = F.interpolate(second, first.shape[-2:], mode="bilinear")
    expected = (first.softmax(1) + second.softmax(1)) / 2
    found = model.teacher_logits(images).softmax(1)
    torch.testing.assert_close(found, expected)
    mapped = distiller(segformer(), segformer(**ONE), class_mapping=[1, 0])
    with torch.no_grad():
        z = margin(mapped.teacher, images)
        assert torch.equal(mapped.teacher_logits(images)[:, 0], z)


def test_labels_and_losses_of_the_student_s_own_head_fit():
    """The student's loss sees its own logit, also if every pixel is of class 1."""
    kd = {**CE, "label_loss": "student", "teacher_ratio": 0.0}
    model = distiller(segformer(**ONE), segformer(), distill_loss=kd).train()
    batch = random_batch()
    ones = torch.ones(1, 32, 32, dtype=torch.long)
    batch["data_samples"] = [labelled(ones), labelled(ones)]
    images = model.data_preprocessor(copy.deepcopy(batch), True)["inputs"]
    z = F.interpolate(model.student(images, mode="tensor"), (32, 32), mode="bilinear")
    expected = F.softplus(-z).mean().item()
    assert losses_of(model, batch)["label"].item() == pytest.approx(expected, rel=1e-5)

"""``DistillSegmentor`` with labels, shuffled answers or an untrained teacher."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.model import BaseModule
from torch.nn import functional as F

from mmseg_splashkd.models import DistillRegressor
from mmseg_splashkd.models.segmentors.outputs import forward_outputs
from tests.models.builders import (
    FOCAL,
    build,
    distiller,
    fcn,
    losses_of,
    random_batch,
    segformer,
)
from tests.models.losses import oracles
from tests.models.losses.oracles import numpy64
from tests.models.segmentors.families import ocrnet
from tests.models.segmentors.test_one_channel import ONE
from tests.models.segmentors.tester import equal_weights

CWD = {
    "type": "FocalModulatedKDLoss",
    "label_loss": "ce",
    "modulate": "none",
    "terms": [{"type": "CWDLoss", "weight": 3.0}, {"type": "KLDLoss"}],
}
FEATURES = {
    "type": "FocalModulatedKDLoss",
    "terms": [{"type": "FeatureMSELoss", "tap": "fused"}],
}


def inputs_of(model: Any, batch: dict) -> torch.Tensor:
    return model.data_preprocessor(copy.deepcopy(batch), True)["inputs"]


def labels_of(batch: dict) -> torch.Tensor:
    return torch.cat([each.gt_sem_seg.data for each in batch["data_samples"]])


class Published(BaseModule):
    """Loads weights when training starts, as adapters of model libraries do."""

    pretrained: str | None = "folder"
    is_loaded = False

    def init_weights(self) -> None:
        self.is_loaded = self.pretrained is not None


# Labels.


@pytest.mark.parametrize(
    "student",
    [segformer(), fcn(), ocrnet(), segformer(**ONE)],
    ids=["segformer", "auxiliary head", "cascade", "one logit"],
)
def test_a_student_is_taught_by_labels(student):
    model = distiller(student, "labels", distill_loss=CWD).train()
    batch = random_batch()
    images = inputs_of(model, batch)
    losses = losses_of(model, batch)
    assert not model.has_teacher
    model.load_teacher()  # no file is needed
    assert equal_weights(model.state_dict(), model.student.state_dict())
    total, log = model.parse_losses(losses)
    total.backward()
    assert total.isfinite()
    assert log["acc_teacher"] == 100
    with torch.no_grad():
        logits = forward_outputs(model.student, images).logits
    stride = 32 // logits.shape[-1]
    small = labels_of(batch)[:, stride // 2 :: stride, stride // 2 :: stride].numpy()
    pt = oracles.probability_of_truth(numpy64(logits), small)
    assert losses["kl"].item() == pytest.approx(
        -np.log(pt).sum() / small.size, rel=1e-4
    )
    assert log["loss_cwd"].item() == pytest.approx(1.5 * losses["cwd"].item())


def test_labels_leave_the_student_s_first_weights_and_random_numbers_alone():
    torch.manual_seed(0)
    plain = build(segformer(), seed=4)
    following = torch.rand(1)
    model = build(
        {"type": "DistillSegmentor", "student": segformer(), "teacher": "labels"}
        | {"distill_loss": CWD},
        seed=4,
    )
    assert torch.equal(torch.rand(1), following)
    assert equal_weights(model.state_dict(), plain.state_dict())


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (FEATURES, "FeatureMSELoss compares features.*labels give logits only"),
        (
            {"type": "FocalModulatedKDLoss", "temperature": "fitted"},
            "temperature='fitted' is fitted to a teacher, and teacher='labels' has",
        ),
        (
            {"type": "FocalModulatedKDLoss", "terms": [{"type": "LogitMSELoss"}]},
            "LogitMSELoss compares the size of logits.*label_margin",
        ),
    ],
)
def test_losses_that_need_more_than_labels_are_refused(loss, message):
    with pytest.raises(ValueError, match=message):
        distiller(segformer(), "labels", distill_loss=loss)


def test_the_size_of_logits_is_compared_with_the_margin():
    terms = [{"type": "LogitMSELoss"}]
    loss = {"type": "FocalModulatedKDLoss", "terms": terms}
    model = distiller(segformer(), "labels", distill_loss=loss, label_margin=6.0)
    batch = random_batch()
    with torch.no_grad():
        logits = forward_outputs(model.student, inputs_of(model, batch)).logits
        ours = losses_of(model, batch)["mse"]
    small = labels_of(batch)[:, 2::4, 2::4]
    target = 6.0 * F.one_hot(small % 255, 2).movedim(-1, 1)
    squares = (logits - target).square() * (small != 255)[:, None]
    torch.testing.assert_close(ours, squares.mean())


def test_labels_are_no_teacher_of_maps():
    with pytest.raises(ValueError, match="student that regresses maps"):
        DistillRegressor._label_teacher(None, None)  # type: ignore[arg-type]


# Shuffled answers.


@pytest.mark.parametrize("loss", [CWD, FEATURES], ids=["logits", "features"])
def test_every_frame_is_taught_the_answer_to_another_one(loss):
    options = {"distill_loss": loss, "teacher_control": "shuffled"}
    model = distiller(segformer(), segformer(), **options).train()
    whole = distiller(segformer(), segformer(), distill_loss=loss).train()
    whole.load_state_dict(model.state_dict())
    batch = random_batch(frames=3)
    losses = losses_of(model, copy.deepcopy(batch))
    # The other way round: the teacher of the other model sees the images in that order.
    run = whole.teachers.forward
    whole.teachers.forward = lambda images, *rest: run(images.roll(1, 0), *rest)
    expected = losses_of(whole, copy.deepcopy(batch))
    assert losses.keys() == expected.keys()
    for name, value in losses.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)
    del whole.teachers.forward
    assert (
        losses_of(whole, batch)[next(iter(model.distill_loss.terms)).name]
        != (losses[next(iter(model.distill_loss.terms)).name])
    )


def test_a_shuffled_teacher_is_tested_as_it_is():
    model = distiller(segformer(), segformer(), teacher_control="shuffled")
    images = inputs_of(model, random_batch())
    with torch.no_grad():
        plain = model.teacher(images, mode="tensor")
    assert torch.equal(model.teacher_logits(images), plain)


def test_one_frame_cannot_be_shuffled():
    model = distiller(segformer(), segformer(), teacher_control="shuffled")
    with pytest.raises(ValueError, match="a batch has 1"):
        losses_of(model, random_batch(frames=1))


# An untrained teacher.


def untrained(**options: Any) -> Any:
    model = distiller(segformer(), fcn(), teacher_control="untrained", **options)
    model.load_teacher()  # reads no file
    return model.train()


def test_an_untrained_teacher_has_the_first_weights_of_its_seed():
    torch.manual_seed(5)
    following, _ = torch.rand(1), torch.manual_seed(5)
    models = [untrained(teacher_seed=seed) for seed in (0, 3, 3)]
    states = [model.teacher.state_dict() for model in models]
    assert equal_weights(states[1], states[2])
    assert not equal_weights(states[0], states[1])
    assert equal_weights(states[0], untrained().teacher.state_dict())
    for name, weight in states[0].items():
        drawn = weight.ndim > 1
        assert torch.equal(weight, states[1][name]) != drawn, name
    # As MMSegmentation's heads begin: normal, of deviation 0.01.
    assert 0.007 < states[1]["decode_head.conv_seg.weight"].std() < 0.013
    losses = losses_of(models[0], random_batch())
    assert losses["loss_distill"] > 0
    assert not any(w.requires_grad for w in models[0].teacher.parameters())
    models[0].load_teacher()
    torch.manual_seed(5)
    models[0].load_teacher()
    assert torch.equal(torch.rand(1), following)


@pytest.mark.parametrize(
    "named",
    [
        {"init_cfg": {"type": "Pretrained", "checkpoint": "none.pth"}},
        {"pretrained": "none.pth"},  # as most configs of MMSegmentation name weights
    ],
    ids=["init_cfg", "pretrained"],
)
def test_an_untrained_teacher_reads_no_pretrained_weights(named):
    teacher = fcn()
    teacher["backbone"] |= named
    options = {"teacher_control": "untrained"}
    model = distiller(segformer(), teacher, **options)
    model.load_teacher()
    assert equal_weights(model.teacher.state_dict(), untrained().teacher.state_dict())


def test_an_untrained_teacher_of_an_adapter_reads_no_pretrained_weights():
    model = distiller(segformer(), fcn(), teacher_control="untrained")
    adapter = Published()
    model.teacher.backbone.add_module("adapter", adapter)
    model.load_teacher()
    assert not adapter.is_loaded


def test_the_seed_of_an_untrained_teacher_leaves_the_student_alone():
    plain = build(segformer()).state_dict()
    assert equal_weights(untrained(teacher_seed=3).state_dict(), plain)


# The label term.


def test_class_weights_are_the_same_in_a_plain_and_a_distilled_student():
    weights = [0.3, 4.0]
    own = FOCAL | {"gamma": 0.0, "class_weight": weights}
    plain = build(segformer(loss_decode=own)).train()
    loss = CWD | {"class_weight": weights, "teacher_ratio": 0.25}
    batch = random_batch()
    expected = losses_of(plain, copy.deepcopy(batch))["decode.loss_focal"]
    for teacher in (segformer(), "labels"):
        model = distiller(
            segformer(loss_decode=own), teacher, distill_loss=loss
        ).train()
        losses = losses_of(model, copy.deepcopy(batch))
        torch.testing.assert_close(losses["label"], expected)
        torch.testing.assert_close(losses["loss_label"], 0.75 * expected)

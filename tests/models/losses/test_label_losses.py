"""Losses of heads as label term: the libraries' own values, and what is refused."""

import numpy as np
import pytest
import torch
from mmseg.models.losses import (
    CrossEntropyLoss,
    DiceLoss,
    LovaszLoss,
    OhemCrossEntropy,
    TverskyLoss,
)
from torch import Tensor, nn
from torch.nn import functional as F

from mmseg_splashkd.models.losses import FocalModulatedKDLoss, SoftmaxFocalLoss
from mmseg_splashkd.models.losses.label_losses import LabelLosses, build_label_losses
from mmseg_splashkd.models.segmentors.outputs import SegOutputs
from tests.models.builders import (
    build,
    distiller,
    fcn,
    losses_of,
    random_batch,
    segformer,
)
from tests.models.losses import oracles
from tests.models.losses.oracles import numpy64

CE = {"type": "CrossEntropyLoss", "avg_non_ignore": True}
# MMSegmentation's class_weight and avg_non_ignore together raise an IndexError.
WEIGHTED_CE = {"type": "CrossEntropyLoss"}
AVERAGE = pytest.mark.filterwarnings("ignore:Default ``avg_non_ignore``:UserWarning")
SOFT_DICE = {"type": "DiceLoss", "use_sigmoid": False}
LOVASZ = {"type": "LovaszLoss", "reduction": "none"}
SIGMOID = {**CE, "use_sigmoid": True}


def batch() -> tuple[Tensor, Tensor]:
    """Logits (2, 3, 6, 10) and labels (2, 6, 10), a row of which is ignored."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(2, 3, 6, 10, generator=generator)
    labels = torch.randint(3, (2, 6, 10), generator=generator)
    labels[:, 0] = 255
    return logits, labels


def dice_of_valid_pixels(logits: Tensor, labels: Tensor) -> float:
    """MMSegmentation's formula (V-Net, classes summed) without ignored pixels."""
    values = []
    for frame, label in zip(numpy64(logits), labels.numpy(), strict=True):
        p = oracles.softmax(frame[None])[0][:, label != 255]
        y = np.eye(3)[label[label != 255]].T
        values.append(1 - 2 * (p * y).sum() / ((p**2).sum() + y.sum() + 2e-3))
    return float(np.mean(values))


@AVERAGE
def test_values_are_those_of_mmsegmentation():
    logits, labels = batch()
    losses = [
        {**WEIGHTED_CE, "class_weight": [1.0, 2.0, 5.0], "loss_weight": 0.5},
        {"type": "SoftmaxFocalLoss", "loss_weight": 0.2},
        {"type": "TverskyLoss", "alpha": 0.3, "beta": 0.7},
        {**LOVASZ, "class_weight": [1.0, 2.0, 5.0]},
    ]
    built = build_label_losses(losses, "label_loss")
    assert built.check(3, 3, 255) == []
    values = built(logits, labels, 255)

    expected = {
        "label_ce": CrossEntropyLoss(class_weight=[1.0, 2.0, 5.0]),
        "label_focal": SoftmaxFocalLoss(),
        "label_tversky": TverskyLoss(alpha=0.3, beta=0.7),
        "label_lovasz": LovaszLoss(reduction="none", class_weight=[1.0, 2.0, 5.0]),
    }
    assert values.keys() == expected.keys()
    for name, loss in expected.items():
        assert torch.equal(values[name], loss(logits, labels, ignore_index=255))
    assert built.weights == [0.5, 0.2, 1.0, 1.0]
    weighted = F.cross_entropy(
        logits, labels, torch.tensor([1.0, 2.0, 5.0]), ignore_index=255
    )
    assert values["label_ce"].item() == pytest.approx(weighted.item(), rel=1e-6)


def test_dice_leaves_out_ignored_pixels():
    logits, labels = batch()
    (value,) = build_label_losses(SOFT_DICE, "x")(logits, labels, 255).values()
    assert value.item() == pytest.approx(dice_of_valid_pixels(logits, labels), rel=1e-5)
    # The head's own call counts them; without any, both are equal.
    own = DiceLoss(use_sigmoid=False)(logits, labels)
    assert abs(own.item() - value.item()) > 1e-3
    valid = labels.where(labels != 255, 0)
    (equal,) = build_label_losses(SOFT_DICE, "x")(logits, valid, 255).values()
    own = DiceLoss(use_sigmoid=False)(logits, valid)
    assert equal.item() == pytest.approx(own.item(), rel=1e-6)


def test_frames_without_a_label_are_left_out():
    logits, labels = batch()
    labels[1] = 255
    losses = [{"type": "LovaszLoss", "per_image": True}, SOFT_DICE, CE]
    built = build_label_losses(losses, "x")
    expected = built(logits[:1], labels[:1], 255)
    assert built(logits, labels, 255) == expected
    none = built(logits.requires_grad_(), torch.full_like(labels, 255), 255)
    assert [value.item() for value in none.values()] == [0, 0, 0]
    assert all(value.requires_grad for value in none.values())


def test_weighted_sum_is_the_label_term_and_is_logged_apart():
    logits, labels = batch()
    teacher = SegOutputs(logits.flip(1))
    parts = [{**CE, "loss_weight": 0.8}, {**SOFT_DICE, "loss_weight": 0.5}, CE]
    for modulate in ("none", "kd", "both"):
        loss = FocalModulatedKDLoss(0.3, parts, modulate=modulate)
        losses = loss(SegOutputs(logits), teacher, labels)
        plain = FocalModulatedKDLoss(0.3, modulate=modulate)(
            SegOutputs(logits), teacher, labels
        )
        ce = F.cross_entropy(logits, labels, ignore_index=255).item()
        dice = dice_of_valid_pixels(logits, labels)
        m = plain["modulation"].item()
        assert losses["modulation"].item() == pytest.approx(m)
        assert losses["loss_distill"].item() == plain["loss_distill"].item()
        found = [losses[f"label_{name}"].item() for name in ("ce", "dice", "ce_2")]
        assert found == pytest.approx([ce, dice, ce], rel=1e-5)
        assert losses["label"].item() == pytest.approx(1.8 * ce + 0.5 * dice, rel=1e-5)
        factor = 0.7 * (m if modulate == "both" else 1)
        weighted = [losses[f"loss_label_{name}"] for name in ("ce", "dice", "ce_2")]
        expected = [factor * 0.8 * ce, factor * 0.5 * dice, factor * ce]
        assert [each.item() for each in weighted] == pytest.approx(expected, rel=1e-5)
        assert "loss_label" not in losses
        assert loss.label_names == ["label_ce", "label_dice", "label_ce_2"]
        total, _ = build(fcn(3)).parse_losses(losses)
        expected = sum(weighted) + losses["loss_distill"]
        assert total.item() == pytest.approx(expected.item())


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("out_channels", [1, 2])
@AVERAGE
@pytest.mark.filterwarnings("ignore:When align_corners:UserWarning")
def test_without_a_teacher_the_student_s_own_losses_are_those_of_the_plain_one(
    align_corners, out_channels
):
    own = [{**WEIGHTED_CE, "loss_weight": 0.5, "class_weight": [0.3, 2.0]}, SOFT_DICE]
    if out_channels == 1:
        lovasz = {"type": "LovaszLoss", "loss_type": "binary", "reduction": "none"}
        own = [{**SIGMOID, "loss_weight": 0.5, "class_weight": [2.0]}, lovasz]
    config = segformer(
        loss_decode=own,
        align_corners=align_corners,
        out_channels=out_channels,
        threshold=0.5,
    )
    loss = {
        "type": "FocalModulatedKDLoss",
        "teacher_ratio": 0.0,
        "label_loss": "student",
    }
    model = distiller(config, segformer(), distill_loss=loss).train()
    plain = build(config).train()
    plain.load_state_dict(model.student.state_dict())
    actual, expected = (losses_of(each, random_batch()) for each in (model, plain))
    names = [loss.loss_name for loss in plain.decode_head.loss_decode]
    for name in names:
        weighted = actual[f"loss_label_{name.removeprefix('loss_')}"]
        assert weighted.item() == pytest.approx(expected[f"decode.{name}"].item())
    assert actual["label"].item() == pytest.approx(
        sum(expected[f"decode.{name}"].item() for name in names)
    )
    ce = actual["loss_label_ce"].item()
    assert actual["label_ce"].item() == pytest.approx(2 * ce)


class CountsAll(nn.Module):
    """A loss that knows no ignored pixels."""

    loss_name = "loss_all"

    def forward(self, logits, labels, weight=None, ignore_index=255):
        truth = labels.where(labels != ignore_index, 0)
        return F.cross_entropy(logits, truth)


class Unnamed(CountsAll):
    """A loss that mmengine would not train on."""

    loss_name = "mine"


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ([], r"label_loss=\[\] leaves no loss"),
        ([{"type": Unnamed}], r"Unnamed has loss_name='mine'.*loss_name='loss_mine'"),
        ([{"type": CountsAll}], "CountsAll .*counts pixels of ignore_index=255"),
        ([{"type": "BoundaryLoss"}], "BoundaryLoss .*cannot be computed from logits"),
        (
            [{**CE, "class_weight": [1.0, 2.0]}],
            r"CrossEntropyLoss \(ce\) cannot be computed .*weight tensor",
        ),
        (
            [{"type": "FocalLoss"}],  # of this version of MMSegmentation, on a CPU
            r"FocalLoss \(focal\) cannot be computed .*such as SMPLoss",
        ),
    ],
    ids=["none", "unnamed", "ignored", "boundary", "weights", "focal"],
)
def test_losses_that_do_not_fit_are_refused_when_the_model_is_built(losses, message):
    loss = {"type": "FocalModulatedKDLoss", "label_loss": losses}
    with pytest.raises(ValueError, match=message):
        distiller(segformer(3), segformer(3), distill_loss=loss)


def test_hard_pixels_are_those_of_the_loss_of_pidnet():
    """It takes no ``ignore_index``: its own must be that of the head."""
    logits, labels = batch()
    hard = {"type": "OhemCrossEntropy", "thres": 0.5, "min_kept": 10}
    built = build_label_losses({**hard, "loss_weight": 0.4}, "x")
    assert built.check(3, 3, 255) == []
    (value,) = built(logits, labels, 255).values()
    assert value == OhemCrossEntropy(thres=0.5, min_kept=10)(logits, labels)
    with pytest.raises(ValueError, match=r"Ohem.* cannot be computed|counts pixels"):
        built.check(3, 3, 7)


def test_another_ignored_label_reaches_the_losses():
    losses = LabelLosses([TverskyLoss()], "x")
    with pytest.raises(ValueError, match=r"Tversky.*counts.*=7: set its own ign"):
        losses.check(2, 2, 7)
    assert LabelLosses([TverskyLoss(ignore_index=7)], "x").check(2, 2, 7) == []
    logits, labels = batch()
    built = build_label_losses([CE, SOFT_DICE, LOVASZ], "x")
    renamed = built(logits, labels.where(labels != 255, 7), 7)
    assert renamed == built(logits, labels, 255)


@pytest.mark.parametrize(
    "loss", [SOFT_DICE, {"type": "TverskyLoss"}, CE], ids=lambda loss: loss["type"]
)
def test_losses_that_do_not_train_a_sigmoid_are_refused(loss):
    built = build_label_losses(loss, "x")
    with pytest.raises(ValueError, match=r"Take CrossEntropyLoss\(use_sigmoid=True\)"):
        built.check(1, 2, 255)
    assert build_label_losses(SIGMOID, "x").check(1, 2, 255) == []


def test_a_student_s_loss_that_counts_ignored_pixels_is_a_warning(monkeypatch):
    from mmseg_splashkd.models.losses import focal_modulated_kd_loss as module

    logged = []
    monkeypatch.setattr(module, "print_log", lambda line, **_: logged.append(line))
    loss = {"type": "FocalModulatedKDLoss", "label_loss": "student"}
    distiller(segformer(loss_decode=[CE, SOFT_DICE]), segformer(), distill_loss=loss)
    (line,) = logged
    assert "DiceLoss (dice) counts pixels of ignore_index=255, as it does in" in line


@pytest.mark.parametrize("named", ["student", [CE]], ids=["student", "list"])
def test_class_weights_beside_other_losses_are_refused(named):
    with pytest.raises(ValueError, match=r"class_weight=\[1, 2\] is for .*themselves"):
        FocalModulatedKDLoss(label_loss=named, class_weight=[1, 2])


def test_the_config_of_the_losses_is_not_changed():
    config = {**CE, "loss_weight": 0.5}
    module = CrossEntropyLoss(loss_weight=0.5, avg_non_ignore=True)
    assert LabelLosses([module], "x").weights == [0.5]
    assert module.loss_weight == 0.5
    build_label_losses(config, "x")
    assert config == {**CE, "loss_weight": 0.5}

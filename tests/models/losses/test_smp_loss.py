"""Losses of segmentation_models.pytorch by their own classes, as ``loss_decode``."""

from typing import Any

import pytest
import torch
from mmseg.registry import MODELS

from tests.models.builders import distiller, losses_of, random_batch, segformer

losses: Any = pytest.importorskip("segmentation_models_pytorch.losses")


def batch(channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (2, C, 6, 10) and labels (2, 6, 10), a row of which is ignored."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(2, channels, 6, 10, generator=generator)
    labels = torch.randint(max(channels, 2), (2, 6, 10), generator=generator)
    labels[:, 0] = 7
    return logits, labels


@pytest.mark.parametrize("mode", ["multiclass", "binary"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("DiceLoss", {"smooth": 1.0}),
        ("TverskyLoss", {"alpha": 0.3, "beta": 0.7, "gamma": 1.3}),
        ("LovaszLoss", {"per_image": True}),
        ("FocalLoss", {"gamma": 2.0, "alpha": 0.25}),
        ("JaccardLoss", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_are_those_of_the_library(name, options, mode):
    logits, labels = batch(3 if mode == "multiclass" else 1)
    config = {"type": "SMPLoss", "loss": name, "mode": mode, "options": options}
    loss = MODELS.build({**config, "loss_weight": 0.5})
    own = getattr(losses, name)(mode=mode, ignore_index=7, **options)
    value = loss(logits, labels, ignore_index=7)
    assert value.item() == pytest.approx(0.5 * own(logits, labels).item(), rel=1e-6)
    assert loss.loss_name == f"loss_{name.removesuffix('Loss').lower()}"


def test_it_is_the_loss_of_a_head_and_of_a_distillation():
    tversky = {"type": "SMPLoss", "loss": "TverskyLoss", "loss_name": "loss_rare"}
    plain = segformer(loss_decode=tversky)
    kd = {"type": "FocalModulatedKDLoss", "label_loss": "student", "teacher_ratio": 0.0}
    model = distiller(plain, segformer(), distill_loss=kd).train()
    expected = losses_of(model.student, random_batch())["decode.loss_rare"]
    assert losses_of(model, random_batch())["loss_label_rare"].item() == expected.item()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": "DiceLos"}, r"loss='DiceLos'\).*no such loss; take one of .*'DiceL"),
        ({"loss": "MCCLoss"}, "has no ignore_index, so that ignored pixels"),
        ({"loss": "DiceLoss", "mode": "multilabel"}, "mode of SMPLoss must be one of"),
        (
            {"loss": "DiceLoss", "options": {"ignore_index": 7}},
            "'ignore_index' is no o",
        ),
        ({"loss": "DiceLoss", "options": {"alpha": 1}}, "'alpha' is no option"),
    ],
)
def test_unknown_losses_and_options_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build({"type": "SMPLoss", **arguments})


def test_a_mode_that_does_not_fit_the_head_is_refused():
    loss = MODELS.build({"type": "SMPLoss", "loss": "DiceLoss", "mode": "binary"})
    with pytest.raises(ValueError, match="got 3 logits per pixel: 'binary' is for out"):
        loss(*batch(3))
    with pytest.raises(ValueError, match="remove the sampler"):
        loss(*batch(1), weight=torch.ones(2, 6, 10))

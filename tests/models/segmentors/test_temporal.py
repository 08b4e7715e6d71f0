"""A temporal loss adds a term, and changes nothing else of a step."""

from functools import partial
from typing import Any

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from torch import Tensor, nn

from mmseg_splashkd.models.losses.functional import temporal_disagreement
from mmseg_splashkd.models.segmentors.outputs import forward_outputs
from mmseg_splashkd.models.segmentors.temporal import neighbours_of
from tests.models.builders import (
    IMAGENET,
    build,
    distiller,
    fcn,
    losses_of,
    preprocessor,
    random_batch,
    segformer,
)
from tests.models.segmentors.families import ddrnet, pspnet, resnet, unet

LOSS = {"type": "TemporalConsistencyLoss", "weight": 2.0}
OWN = {"loss_temporal", "temporal", "paired"}
PLAIN = {
    "FCN, auxiliary head": fcn,
    "SegFormer, dropout": partial(segformer, drop=0.3),
    "PSPNet": partial(pspnet, auxiliary=True),
    "U-Net": unet,
    "DDRNet": ddrnet,
    "one logit": partial(
        fcn,
        out_channels=1,
        threshold=0.5,
        loss_decode={
            "type": "CrossEntropyLoss",
            "use_sigmoid": True,
            "avg_non_ignore": True,
        },
    ),
}


def temporal(config: dict, **loss: Any) -> dict:
    """The config of a plain segmentor, with the temporal loss."""
    return config | {"type": "TemporalEncoderDecoder", "temporal_loss": LOSS | loss}


def distilled(kind: str = "DistillSegmentor", **changes: Any) -> Any:
    if kind.startswith("Temporal"):
        changes = {"temporal_loss": LOSS} | changes
    return distiller(segformer(drop=0.3), fcn(), type=kind, **changes)


def paired_batch(
    has: tuple[bool, ...] = (True, True), size: tuple[int, int] = (32, 32)
) -> dict:
    """Two frames, and as neighbours two other ones."""
    batch = random_batch(size=size)
    others = random_batch(size=size, seed=7)["inputs"]
    for sample, other, each in zip(batch["data_samples"], others, has, strict=True):
        sample.set_data({"neighbour": PixelData(data=other)})
        sample.set_metainfo({"has_neighbour": each})
    return batch


def step(model: nn.Module, batch: dict) -> dict[str, Tensor]:
    torch.manual_seed(3)
    return losses_of(model.train(), batch)


@pytest.mark.parametrize("name", PLAIN)
def test_all_other_losses_are_those_of_the_plain_segmentor(name):
    config = PLAIN[name]()
    plain, model = build(config), build(temporal(config))
    expected, found = step(plain, paired_batch()), step(model, paired_batch())
    assert list(found) == [*expected, "loss_temporal", "temporal", "paired"]
    for key, value in expected.items():
        assert torch.equal(found[key], value), key
    assert found["loss_temporal"] > 0


def test_all_other_losses_are_those_of_the_distillation():
    plain, model = distilled(), distilled("TemporalDistillSegmentor")
    expected, found = step(plain, paired_batch()), step(model, paired_batch())
    assert found.keys() - expected.keys() == OWN
    for key, value in expected.items():
        assert torch.equal(found[key], value), key
    assert found["loss_temporal"] == 2 * found["temporal"] > 0
    assert model.state_dict().keys() == plain.state_dict().keys()


def test_the_term_compares_the_outputs_on_both_images():
    model = build(temporal(fcn(auxiliary=False), alpha=0.3)).train()
    found = step(model, paired_batch((False, True)))
    data = model.data_preprocessor(paired_batch(), True)
    images = torch.stack(random_batch(seed=7)["inputs"]).flip(1).float()
    mean, std = (torch.tensor(IMAGENET[key]).view(3, 1, 1) for key in ("mean", "std"))
    others = (images - mean) / std
    p, q = (forward_outputs(model, each).logits for each in (data["inputs"], others))
    each = temporal_disagreement(p, q, data["inputs"], others, 0.3)
    assert found["temporal"].item() == pytest.approx(each[1].item(), rel=1e-5)
    assert found["paired"] == 50


def test_static_frames_and_no_dropout_have_no_loss():
    model = build(temporal(fcn(auxiliary=False)))
    batch = random_batch()
    for sample, image in zip(batch["data_samples"], batch["inputs"], strict=True):
        sample.set_data({"neighbour": PixelData(data=image.clone())})
        sample.set_metainfo({"has_neighbour": True})
    found = step(model, batch)
    assert found["temporal"] == 0
    assert found["paired"] == 100


def test_neighbours_are_padded_as_the_frames():
    model = build(fcn() | {"data_preprocessor": preprocessor(size_divisor=24)})
    batch = paired_batch(size=(32, 40))
    data = model.data_preprocessor(batch, True)
    found = neighbours_of(model.data_preprocessor, data["data_samples"])
    assert found.shape == data["inputs"].shape == (2, 3, 48, 48)
    assert not found[:, :, 32:].any()
    assert not found[..., 40:].any()
    assert data["data_samples"][0].gt_sem_seg.shape == (48, 48)


def test_both_frames_teach_the_network():
    model = build(temporal(segformer())).train()
    found = step(model, paired_batch())
    (gradient,) = torch.autograd.grad(
        found["loss_temporal"], model.backbone.layers[0][0].projection.weight
    )
    assert gradient.isfinite().all()
    assert gradient.any()


def test_without_a_pair_in_the_batch_every_weight_has_a_zero_gradient():
    """So that processes with and without pairs exchange the same gradients."""
    model = build(temporal(segformer())).train()
    found = step(model, paired_batch((False, False)))
    assert found["loss_temporal"] == found["paired"] == 0
    gradients = torch.autograd.grad(found["loss_temporal"], list(model.parameters()))
    assert not any(gradient.any() for gradient in gradients)


def test_while_the_weight_is_0_no_neighbour_passes_the_network(monkeypatch):
    ramp = {"kind": "linear", "end": 1.0, "until": 4}
    model = build(temporal(fcn(), weight=ramp))
    hub = MessageHub.get_current_instance()
    monkeypatch.setitem(hub.runtime_info, "iter", 0)
    assert not OWN & step(model, random_batch()).keys()  # nor is one needed
    monkeypatch.setitem(hub.runtime_info, "iter", 2)
    assert step(model, paired_batch()).keys() > OWN


def test_a_batch_without_neighbours_names_the_remedy():
    model = build(temporal(fcn()))
    with pytest.raises(RuntimeError, match="set neighbour of the TimeSplitDataset"):
        step(model, random_batch())


@pytest.mark.parametrize("kind", ["plain", "distilled"])
def test_augmentations_of_the_batch_are_refused(kind):
    student = segformer()
    student["data_preprocessor"] = preprocessor(batch_augments=[{"type": "any"}])
    both: dict = {"student": student, "teacher": fcn(), "temporal_loss": LOSS}
    both |= {"type": "TemporalDistillSegmentor"}
    both |= {"distill_loss": {"type": "FocalModulatedKDLoss"}}
    with pytest.raises(ValueError, match="batch_augments changes images"):
        build(temporal(student) if kind == "plain" else both)


def test_a_head_with_its_own_loss_is_refused():
    head = {"type": "EncHead", "num_codes": 4, "use_se_loss": False}
    head |= {"in_channels": [64], "in_index": [3]}
    with pytest.raises(ValueError, match="EncHead has its own"):
        build(temporal(resnet(head)))


def test_prediction_is_that_of_the_plain_segmentor():
    plain, model = build(fcn()), build(temporal(fcn()))
    model.load_state_dict(plain.state_dict())
    images = torch.randn(1, 3, 32, 32)
    logits = [m.eval()(images, mode="tensor") for m in (plain, model)]
    assert torch.equal(*logits)

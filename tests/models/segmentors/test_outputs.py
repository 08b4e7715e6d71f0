"""Taps give what the network itself computes, for every family of heads."""

from typing import Any

import pytest
import torch

from mmseg_splashkd.models.segmentors.outputs import (
    channels_at,
    check_tap,
    forward_outputs,
)
from tests.models.builders import build, fcn, segformer
from tests.models.segmentors.test_families import deeplabv3, deeplabv3plus, pspnet, unet

POSITIONAL = {"type": "PositionalSegformerHead", "ratio": 1.0}
FAMILIES = {
    "SegFormer": segformer(),
    "SegFormer with embedding": segformer(**POSITIONAL),
    "SegFormer without dropout": segformer(dropout_ratio=0.0),
    "FCN": fcn(),
    "PSPNet": pspnet(auxiliary=True),
    "DeepLabV3": deeplabv3(),
    "DeepLabV3+": deeplabv3plus(),
    "U-Net": unet(),
}
FAMILY = pytest.mark.parametrize("config", FAMILIES.values(), ids=FAMILIES)


def images() -> torch.Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@FAMILY
@pytest.mark.parametrize("fused", [False, True])
def test_answers_are_the_network_s_own(config, fused):
    model = build(config).eval()

    answers = forward_outputs(model, images(), fused)
    assert torch.equal(answers.logits, model(images(), mode="tensor"))
    for ours, its in zip(answers.stages, model.extract_feat(images()), strict=True):
        assert torch.equal(ours, its)
    assert (answers.fused is None) is not fused


@FAMILY
def test_fused_is_what_the_classifier_sees(config):
    model = build(config).eval()

    answers = forward_outputs(model, images(), fused=True)
    assert torch.equal(model.decode_head.conv_seg(answers.at("fused")), answers.logits)


def test_fused_is_before_dropout():
    model = build(segformer(dropout_ratio=0.5)).eval()
    expected = forward_outputs(model, images(), fused=True).at("fused")

    model.decode_head.dropout.train()
    answers = forward_outputs(model, images(), fused=True)
    assert torch.equal(answers.at("fused"), expected)
    dropped = model.decode_head.conv_seg(expected)
    assert not torch.equal(answers.logits, dropped)


def test_gradients_reach_the_taps():
    model = build(segformer()).train()

    answers = forward_outputs(model, images(), fused=True)
    (answers.at("fused").sum() + answers.at(0).sum()).backward()
    assert model.decode_head.fusion_conv.conv.weight.grad is not None
    assert next(model.backbone.parameters()).grad is not None
    assert model.decode_head.conv_seg.weight.grad is None


def test_nothing_is_left_on_the_model(monkeypatch):
    model = build(segformer(dropout_ratio=0.5))
    dropout = model.decode_head.dropout

    forward_outputs(model, images(), fused=True)
    assert not dropout._forward_pre_hooks

    def fail(*_):
        raise RuntimeError("a head that fails")

    monkeypatch.setattr(model.decode_head, "forward", fail)
    with pytest.raises(RuntimeError, match="a head that fails"):
        forward_outputs(model, images(), fused=True)
    assert not dropout._forward_pre_hooks


@FAMILY
def test_channels_are_those_of_the_tensors(config):
    model = build(config).eval()
    answers = forward_outputs(model, images(), fused=True)

    for tap in ("logits", "fused"):
        assert channels_at(model, tap) == answers.at(tap).shape[1]
    told = 0
    for stage, tensor in enumerate(answers.stages):
        channels = channels_at(model, stage)
        assert channels in (None, tensor.shape[1])
        told += channels is not None
    assert told == len(_read_stages(model))
    assert channels_at(model, 99) is None


def _read_stages(model: Any) -> set[int]:
    """Stages that some head reads."""
    heads = [model.decode_head]
    if model.with_auxiliary_head:
        heads.append(model.auxiliary_head)
    read: set[int] = set()
    for head in heads:
        index = head.in_index
        read |= {index} if isinstance(index, int) else set(index)
    return read


def test_a_head_that_concatenates_tells_no_stage():
    config = fcn(auxiliary=False)
    config["decode_head"] |= {
        "in_channels": [32, 64],
        "in_index": [2, 3],
        "input_transform": "resize_concat",
    }
    assert channels_at(build(config), 2) is None


def test_a_head_without_cls_seg_says_so(monkeypatch):
    model = build(fcn(auxiliary=False)).eval()
    monkeypatch.setattr(model.decode_head, "forward", lambda stages: stages[-1])
    with pytest.raises(RuntimeError, match="FCNHead classifies without cls_seg"):
        forward_outputs(model, images(), fused=True)


@pytest.mark.parametrize("tap", ["logits", "fused", 0, 3])
def test_known_taps(tap):
    assert check_tap(tap, "tap") == tap


@pytest.mark.parametrize("tap", ["backbone.layer4", -1, 1.0, True, None])
def test_other_taps_are_refused(tap):
    with pytest.raises(ValueError, match=r"tap of x must be one of .*or the number"):
        check_tap(tap, "tap of x")

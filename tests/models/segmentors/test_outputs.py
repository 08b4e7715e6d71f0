"""Taps of a segmentor; for every family: ``tests.models.segmentors.tester``."""

import pytest
import torch

from mmseg_splashkd.models.segmentors.outputs import (
    channels_at,
    check_tap,
    forward_outputs,
)
from tests.models.builders import build, fcn, segformer


def images() -> torch.Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_fused_is_before_dropout():
    model = build(segformer(dropout_ratio=0.5)).eval()
    expected = forward_outputs(model, images(), fused=True).at("fused")

    model.decode_head.dropout.train()
    outputs = forward_outputs(model, images(), fused=True)
    assert torch.equal(outputs.at("fused"), expected)
    dropped = model.decode_head.conv_seg(expected)
    assert not torch.equal(outputs.logits, dropped)


def test_gradients_reach_the_taps():
    model = build(segformer()).train()

    outputs = forward_outputs(model, images(), fused=True)
    (outputs.at("fused").sum() + outputs.at(0).sum()).backward()
    assert model.decode_head.fusion_conv.conv.weight.grad is not None
    assert next(model.backbone.parameters()).grad is not None
    assert model.decode_head.conv_seg.weight.grad is None


def test_no_hook_is_left_on_the_model(monkeypatch):
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


def test_a_head_that_concatenates_stages_names_no_channel_count():
    config = fcn(auxiliary=False)
    config["decode_head"] |= {
        "in_channels": [32, 64],
        "in_index": [2, 3],
        "input_transform": "resize_concat",
    }
    assert channels_at(build(config), 2) is None


def test_a_head_without_cls_seg_is_refused(monkeypatch):
    model = build(fcn(auxiliary=False)).eval()
    monkeypatch.setattr(model.decode_head, "forward", lambda stages: stages[-1])
    with pytest.raises(RuntimeError, match="FCNHead classifies without cls_seg"):
        forward_outputs(model, images(), fused=True)


@pytest.mark.parametrize("tap", ["logits", "fused", 0, 3])
def test_valid_taps(tap):
    assert check_tap(tap, "tap") == tap


@pytest.mark.parametrize("tap", ["backbone.layer4", -1, 1.0, True, None])
def test_other_taps_are_refused(tap):
    with pytest.raises(ValueError, match=r"tap of x must be one of .*or the number"):
        check_tap(tap, "tap of x")

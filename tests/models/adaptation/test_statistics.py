"""AdaBN, against torch's own update of batch norms."""

import copy
from typing import Any

import pytest
import torch
from torch.optim.swa_utils import update_bn

from mmseg_splashkd.models.adaptation.statistics import recompute_statistics
from tests.models.builders import build, fcn, segformer


def frames(number: int = 3) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, 32, 32, generator=generator) for _ in range(number)]


def test_statistics_are_those_of_torch():
    model: Any = build(fcn(auxiliary=False))
    model(frames(1)[0] * 9 + 4)  # in training mode: statistics of other images
    expected = copy.deepcopy(model)
    update_bn(iter(frames()), expected)
    assert recompute_statistics(model, iter(frames())) == 3
    found = model.state_dict()
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(found[name], value, msg=name)
    assert not any(each.training for each in model.modules())
    momenta = {m.momentum for m in model.modules() if hasattr(m, "momentum")}
    assert momenta == {0.1}


def test_dropped_paths_do_not_move_the_statistics():
    found = []
    for drop in (0.0, 0.9):
        model: Any = build(segformer(drop=drop))
        recompute_statistics(model, frames())
        found.append(model.decode_head.fusion_conv.bn.running_mean)
    torch.testing.assert_close(*found)


def test_norms_that_do_not_run_keep_their_statistics():
    model: Any = build(fcn())  # its auxiliary head is for training
    model.auxiliary_head.convs[0].bn.running_mean.fill_(3.0)
    recompute_statistics(model, frames())
    assert (model.auxiliary_head.convs[0].bn.running_mean == 3).all()
    assert (model.decode_head.convs[0].bn.running_mean != 0).any()
    with pytest.raises(ValueError, match="batches is empty"):
        recompute_statistics(model, [])
    assert (model.decode_head.convs[0].bn.running_mean != 0).any()


def test_norms_that_keep_their_statistics_in_training_are_left():
    config = fcn(auxiliary=False)
    config["backbone"]["norm_eval"] = True
    model: Any = build(config)
    before = copy.deepcopy(model.state_dict())
    recompute_statistics(model, frames())
    changed = {
        name.partition(".")[0]
        for name, value in model.state_dict().items()
        if not value.equal(before[name])
    }
    assert changed == {"decode_head"}


def test_networks_without_batch_norms_and_no_frames_are_refused():
    groups: Any = {"norm_cfg": {"type": "GN", "num_groups": 2}}
    with pytest.raises(ValueError, match="EncoderDecoder has no batch norm"):
        recompute_statistics(build(segformer(**groups)), frames())
    with pytest.raises(ValueError, match="batches is empty"):
        recompute_statistics(build(fcn(auxiliary=False)), [])

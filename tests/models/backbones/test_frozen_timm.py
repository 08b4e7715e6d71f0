"""Stages of a backbone of timm that are frozen get no gradient and no statistics."""

from typing import Any

import pytest
import torch
from mmseg.registry import MODELS

pytest.importorskip("timm")

LITE = "tf_efficientnet_lite0"
LAST_FROZEN = {  # by encoder and frozen_stages
    (LITE, 0): "bn1.bias",
    (LITE, 3): "blocks.2.1.bn3.bias",
    ("resnet10t", 2): "layer1.0.bn2.bias",
    ("convnext_atto", 1): "stages_0.blocks.1.mlp.fc2.bias",
}


def backbone(name: str = LITE, **options: Any) -> Any:
    torch.manual_seed(0)
    config = {"type": "FrozenTIMMBackbone", "model_name": name, **options}
    return MODELS.build(config)


@pytest.mark.parametrize(("name", "stages"), LAST_FROZEN)
def test_stages_up_to_a_feature_map_are_frozen(name, stages):
    model = backbone(name, frozen_stages=stages)
    names = [name for name, _ in model.timm_model.named_parameters()]
    frozen = [n for n, p in model.timm_model.named_parameters() if not p.requires_grad]
    last = next(n for n in frozen if n.startswith(LAST_FROZEN[name, stages]))
    assert frozen[-1] == last or "downsample" in frozen[-1]
    assert frozen == names[: len(frozen)]


def test_a_step_changes_only_what_is_not_frozen():
    model = backbone(frozen_stages=3, out_indices=(1, 2, 3, 4)).train()
    before = {name: v.clone() for name, v in model.state_dict().items()}
    maps = model(torch.randn(2, 3, 64, 64))
    assert [each.shape[-1] for each in maps] == [16, 8, 4, 2]
    torch.stack([each.square().mean() for each in maps]).sum().backward()
    trained = [p for p in model.parameters() if p.requires_grad]
    torch.optim.SGD(trained, lr=0.1).step()
    changed = {
        n for n, v in model.state_dict().items() if not torch.equal(v, before[n])
    }
    open_ = {name for name in before if name.split(".")[1:3] > ["blocks", "2"]}
    assert changed
    assert changed <= open_
    assert any("running_mean" in name for name in changed)
    assert not model.timm_model.conv_stem.training
    assert model.training


def test_statistics_stay_and_scales_are_trained():
    model = backbone(norm_eval=True).train()
    before = {name: v.clone() for name, v in model.named_buffers()}
    maps = model(torch.randn(2, 3, 32, 32))
    torch.stack([each.mean() for each in maps]).sum().backward()
    assert all(torch.equal(v, before[name]) for name, v in model.named_buffers())
    assert model.timm_model.bn1.weight.grad is not None
    assert model.timm_model.blocks[0].training


def test_stages_that_there_are_not_are_refused():
    for stages in (-2, 6):
        with pytest.raises(ValueError, match=f"frozen_stages={stages}: .* 5 stages"):
            backbone(frozen_stages=stages)
    with pytest.raises(ValueError, match="no module of HighResolutionNetFeatures ends"):
        backbone("hrnet_w18_small", frozen_stages=1)


def test_it_is_the_backbone_of_the_host_without_options():
    ours = backbone()
    torch.manual_seed(0)
    its = MODELS.build(
        {"type": "TIMMBackbone", "model_name": LITE, "pretrained": False}
    )
    assert ours.state_dict().keys() == its.state_dict().keys()
    image = torch.randn(1, 3, 32, 32)
    for own, other in zip(ours.eval()(image), its.eval()(image), strict=True):
        torch.testing.assert_close(own, other)

"""Any backbone for images with another number of channels."""

import copy

import pytest
import torch

from tests.models.builders import build, fcn, losses_of, random_batch, segformer

ONE = {"mean": [127.5], "std": [60.0], "bgr_to_rgb": False}
GRAY = torch.rand(2, 1, 32, 48, generator=torch.Generator().manual_seed(0))


def adapted(config: dict, **changes) -> dict:
    """A segmentor's config with an adapter in front of its backbone."""
    inner = {**config["backbone"], **changes.pop("backbone", {})}
    adapter = {"type": "ChannelAdapter", "backbone": inner, **changes}
    return {**config, "backbone": adapter}


def evaluated(config: dict):
    """A backbone in eval mode; the host's ``train`` returns None."""
    model = build(config)
    model.eval()
    return model


@pytest.mark.parametrize("family", [fcn, segformer], ids=["fcn", "segformer"])
def test_one_channel_equals_the_backbone_on_a_repeated_channel(family):
    backbone = evaluated(family()["backbone"])
    model = evaluated(adapted(family())["backbone"])
    model.backbone.load_state_dict(backbone.state_dict())
    assert model.adapter.weight.shape == (3, 1, 1, 1)
    assert model.adapter.bias is None
    for ours, plain in zip(model(GRAY), backbone(GRAY.repeat(1, 3, 1, 1)), strict=True):
        assert torch.equal(ours, plain)


def test_of_four_channels_the_first_three_pass_unchanged_and_the_fourth_learns():
    backbone = evaluated(fcn()["backbone"])
    model = evaluated(adapted(fcn(), in_channels=4)["backbone"])
    model.backbone.load_state_dict(backbone.state_dict())
    images = torch.rand(2, 4, 32, 32)
    for ours, plain in zip(model(images), backbone(images[:, :3]), strict=True):
        assert torch.equal(ours, plain)
    model(images)[-1].square().sum().backward()
    assert model.adapter.weight.grad[:, 3].abs().max() > 0


def test_weights_frozen_stages_and_norms_of_the_inner_backbone_act(tmp_path):
    source = build(fcn()["backbone"], seed=5)
    file = tmp_path / "backbone.pth"
    torch.save({"state_dict": source.state_dict()}, file)
    inner = {"frozen_stages": 1, "norm_eval": True, "out_indices": (1, 3)}
    inner["init_cfg"] = {"type": "Pretrained", "checkpoint": str(file)}
    model = build(adapted(fcn(), backbone=inner)["backbone"])
    model.init_weights()
    for name, weight in model.backbone.state_dict().items():
        assert torch.equal(weight, source.state_dict()[name]), name
    assert model.adapter.weight.flatten().tolist() == [1, 1, 1]
    model.train()
    assert not any(each.training for each in model.backbone.modules() if _is_norm(each))
    assert not any(each.requires_grad for each in model.backbone.layer1.parameters())
    assert all(each.requires_grad for each in model.backbone.layer2.parameters())
    assert model.adapter.weight.requires_grad
    assert [each.shape[1] for each in model(GRAY)] == [16, 64]


def _is_norm(module: torch.nn.Module) -> bool:
    return isinstance(module, torch.nn.BatchNorm2d)


def test_a_segmentor_trains_on_one_channel():
    config = adapted(fcn())
    config["data_preprocessor"] = {**config["data_preprocessor"], **ONE}
    model = build(config)
    batch = random_batch()
    batch["inputs"] = [image[:1] for image in batch["inputs"]]
    total, _ = model.parse_losses(losses_of(model, batch))
    total.backward()
    assert model.backbone.adapter.weight.grad.abs().min() > 0
    clone = build(copy.deepcopy(config), seed=1)
    clone.load_state_dict(model.state_dict(), strict=True)


def test_takes_its_channels_of_images_with_more():
    model = evaluated(adapted(fcn(), take=[3])["backbone"])
    images = torch.rand(2, 4, 32, 32)
    whole, part = model(images), model(images[:, 3:])
    assert all(torch.equal(one, other) for one, other in zip(whole, part, strict=True))
    with pytest.raises(ValueError, match=r"take=\[3\], the images have 3 channels"):
        model(images[:, :3])


def test_refuses_images_with_other_channels():
    model = build(adapted(fcn())["backbone"])
    with pytest.raises(ValueError, match="in_channels=1, the images have 3 channels"):
        model(torch.zeros(1, 3, 32, 32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"in_channels": 0}, "in_channels must be a whole number >= 1, got 0"),
        ({"out_channels": 1.5}, "out_channels must be a whole number >= 1, got 1.5"),
        ({"take": [0, 1]}, r"take must be 1 different indices >= 0, .*; got \[0, 1\]"),
        ({"take": [-1]}, r"take must be 1 different indices >= 0, .*; got \[-1\]"),
    ],
    ids=["in", "out", "count", "negative"],
)
def test_refuses_wrong_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        build(adapted(fcn(), **changes)["backbone"])

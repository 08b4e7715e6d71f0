"""Copies of weights to start from: the host uses them as it used the file."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from safetensors.torch import save_file
from torch import nn
from torch.torch_version import TorchVersion

from mmseg_splashkd import checkpoint
from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.models import foreign_weights
from mmseg_splashkd.models.foreign_weights import WeightsError, safe_files, safe_init
from tests.models.builders import build, segformer

VIT = {"img_size": 32, "patch_size": 8, "embed_dims": 16, "num_layers": 1}
VIT |= {"num_heads": 2, "out_indices": 0}
SWIN = {"embed_dims": 8, "depths": [1] * 4, "num_heads": [1] * 4, "window_size": 2}
BACKBONES = {
    "MixVisionTransformer": segformer()["backbone"],
    "SwinTransformer": {"type": "SwinTransformer", **SWIN},
    "VisionTransformer": {"type": "VisionTransformer", **VIT},
}


def pretrained(path: Path, **keys: Any) -> ConfigDict:
    return ConfigDict(type="Pretrained", checkpoint=str(path), **keys)


def backbone(kind: str, init_cfg: Any, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return MODELS.build({**BACKBONES[kind], "init_cfg": init_cfg})


def assert_equal(ours: nn.Module, its: nn.Module) -> None:
    for (name, value), other in zip(
        ours.state_dict().items(), its.state_dict().values(), strict=True
    ):
        assert torch.equal(value, other), name


def initialised(model: Any, safely: bool) -> Any:
    torch.manual_seed(1)
    if safely:
        with safe_init(model):
            model.init_weights()
    else:
        model.init_weights()
    return model


@pytest.mark.parametrize("kind", BACKBONES)
@pytest.mark.parametrize("form", ["plain", "state_dict", "model"])
def test_weights_are_those_that_the_host_loads(tmp_path, kind, form):
    weights = backbone(kind, None, seed=5).state_dict()
    path = tmp_path / "w.pth"
    torch.save(weights if form == "plain" else {form: weights, "meta": {}}, path)
    start = pretrained(path)
    its = initialised(backbone(kind, start), safely=False)
    if form == "model" and kind != "SwinTransformer":  # which has a reader of its own
        with pytest.raises(WeightsError, match=f"they fill nothing of {kind}: "):
            initialised(backbone(kind, start), safely=True)
        return
    ours = initialised(backbone(kind, start), safely=True)
    assert_equal(ours, its)
    assert_equal(ours, backbone(kind, None, seed=5))
    assert ours.init_cfg == start


def test_weights_under_a_prefix(tmp_path):
    whole = build(segformer())
    torch.save({"state_dict": whole.state_dict()}, tmp_path / "w.pth")
    start = pretrained(tmp_path / "w.pth", prefix="backbone.")
    ours = initialised(backbone("MixVisionTransformer", start), safely=True)
    assert_equal(ours, whole.backbone)


def test_safetensors_start_a_model(tmp_path):
    weights = backbone("MixVisionTransformer", None, seed=5)
    save_file(weights.state_dict(), tmp_path / "w.safetensors")
    start = pretrained(tmp_path / "w.safetensors")
    ours = initialised(backbone("MixVisionTransformer", start), safely=True)
    assert_equal(ours, weights)


def test_names_of_the_host_are_downloaded_to_the_cache_of_torch(tmp_path, monkeypatch):
    loaded = []

    def download(url: str, path: str, progress: bool) -> None:
        loaded.append(url)
        torch.save({"state_dict": {"backbone.w": torch.ones(1), "head": 0}}, path)

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    copies = foreign_weights._Copies(tmp_path)
    for _ in range(2):
        path = copies.of("mmcls://vgg11", "", "")
    assert torch.load(path) == {"state_dict": {"w": torch.ones(1)}}
    copies.of("open-mmlab://resnet50_v1c", "", "")
    assert [url.partition("://")[0] for url in loaded] == ["https", "https"]
    files = {file.name for file in (tmp_path / "hub" / "checkpoints").iterdir()}
    assert files == {url.rpartition("/")[2] for url in loaded}


def test_weights_of_a_run_that_diverged_are_refused(tmp_path):
    weights = backbone("MixVisionTransformer", None, seed=5).state_dict()
    weights["layers.0.0.norm.weight"][0] = torch.nan
    torch.save({"state_dict": weights}, tmp_path / "w.pth")
    model = backbone("MixVisionTransformer", pretrained(tmp_path / "w.pth"))
    text = r"1 tensors hold NaN or infinite values, such as layers\.0\.0\.norm"
    with pytest.raises(WeightsError, match=text), safe_init(model):
        model.init_weights()


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        ("missing.pth", "checkpoint missing.pth does not exist"),
        ("s3://bucket/w.pth", "files of s3:// are not read here: download it"),
        ("open-mmlab://none", "open-mmlab://none is no name of that list"),
    ],
)
def test_weights_that_cannot_be_read_are_named(checkpoint, message):
    model = backbone("MixVisionTransformer", pretrained(checkpoint))
    with pytest.raises(WeightsError) as raised, safe_init(model):
        pass
    assert raised.value.key == "model.init_cfg"
    assert message in str(raised.value)


def test_only_arguments_that_load_files_are_replaced(tmp_path):
    torch.save({"w": torch.ones(1)}, tmp_path / "w.pth")
    config = {
        "backbone": {"type": "X", "checkpoint_path": str(tmp_path / "w.pth")},
        "head": [{"init_cfg": pretrained(tmp_path / "w.pth"), "norm": "BN"}],
        "teacher_checkpoint": str(tmp_path / "w.pth"),
        "class_embed_path": "w.safetensors",
    }
    before = copy.deepcopy(config)
    with safe_files(config) as safe:
        copied = safe["backbone"]["checkpoint_path"]
        assert copied != config["backbone"]["checkpoint_path"]
        assert torch.load(copied) == {"w": torch.ones(1)}
        safe["backbone"]["checkpoint_path"] = str(tmp_path / "w.pth")
        assert safe == before
    assert config == before
    assert not Path(copied).exists()
    with safe_files(model := nn.Linear(1, 1)) as same:
        assert same is model


def test_pickles_from_elsewhere_need_torch_2_6(tmp_path, monkeypatch):
    path = tmp_path / "w.pth"
    torch.save({"state_dict": {"w": torch.ones(1)}}, path)
    monkeypatch.setattr(checkpoint.torch, "__version__", TorchVersion("2.5.1+cpu"))
    model = backbone("MixVisionTransformer", pretrained(path))
    message = r"w\.pth is a pickle, and torch 2\.5\.1.* \.safetensors, or torch >= 2\.6"
    with pytest.raises(ValueError, match=message):
        read_checkpoint(path)
    with pytest.raises(ValueError, match=message), safe_init(model):
        pass
    assert list(read_checkpoint(path, own=True)["state_dict"]) == ["w"]

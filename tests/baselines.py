"""The configs of ``configs/baselines`` with small networks."""

import copy
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmseg.models.backbones import (
    MixVisionTransformer,
    ResNet,
    ResNetV1c,
    TIMMBackbone,
    UNet,
)

from benchmarks.short_runs import tiny
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.models import SegNetHead
from tests.conftest import CONFIGS

MASK2FORMER = {  # a small one, with random weights and the published 100 queries
    "model_type": "mask2former",
    "backbone_config": {
        "model_type": "swin",
        "embed_dim": 8,
        "depths": [1, 1, 1, 1],
        "num_heads": [1, 1, 1, 1],
        "window_size": 2,
        "out_features": ["stage1", "stage2", "stage3", "stage4"],
    },
    "feature_size": 32,
    "mask_feature_size": 32,
    "hidden_dim": 32,
    "encoder_feedforward_dim": 16,
    "dim_feedforward": 16,
    "num_attention_heads": 2,
    "encoder_layers": 1,
    "decoder_layers": 2,
}
FOLDER = CONFIGS / "baselines"
LIBRARIES = {  # type of a part -> library
    "SMPSegmentor": "segmentation_models_pytorch",
    "TIMMBackbone": "timm",
    "TransformersSegmentor": "transformers",
    "timm.optim.AdamP": "timm",
}


@functools.cache
def _read(path: Path) -> Config:
    return read_config(path)


def shipped(path: Path) -> Config:
    """A config as it is shipped, read once; its test is skipped without its extra."""
    for library, mark in (
        ("timm", 'type="TIMMBackbone"'),
        ("mmpretrain", '"mmpretrain'),
    ):
        if mark in _text(path):
            pytest.importorskip(library)
    return copy.deepcopy(_read(path))


def _text(path: Path) -> str:
    """Text of a file and of the files that it inherits."""
    text = path.read_text()
    names = re.findall(r'"(\.{1,2}/[\w/.-]+\.py)"', text)
    return text + "".join(_text(path.parent / name) for name in names)


def baseline(name: str) -> Config:
    """A config of ``configs/baselines``."""
    return shipped(FOLDER / f"{name}.py")


def small_baseline(name: str) -> Config:
    """A config with a small network; its test is skipped without its library."""
    cfg = baseline(name)
    for library in libraries(cfg.to_dict()):
        pytest.importorskip(library)
    shrink(cfg.model)
    return cfg


def libraries(node: Any) -> Iterator[str]:
    """Libraries that a config needs."""
    if isinstance(node, dict):
        if isinstance(node.get("type"), str) and node["type"] in LIBRARIES:
            yield LIBRARIES[node["type"]]
        node = list(node.values())
    for each in node if isinstance(node, list | tuple) else ():
        yield from libraries(each)


def shrink(model: dict[str, Any]) -> None:
    """Make a network of ``configs/baselines`` small, in place, without weights.

    Encoders of timm and segmentation_models.pytorch, which have one width, are replaced
    by shallower ones where they are large.
    """
    for part in ("student", "teacher"):
        if part in model:
            shrink(model[part])
    backbone = model.get("backbone") or {}
    for each in (backbone, backbone.get("backbone_cfg") or {}):
        each.pop("init_cfg", None)
    if is_a(backbone, MixVisionTransformer):
        for option, value in tiny("").items():
            _, part, name = option.split(".")
            model[part][name] = value
    elif is_a(backbone, ResNet, UNet):
        _narrow(model)
    elif is_a(backbone, TIMMBackbone):
        backbone["pretrained"] = False
        _shallow_vgg(backbone, model["decode_head"])
    elif "arch" in (network := model.get("network") or {}):
        if network["encoder_name"] == "resnet50":
            network["encoder_name"] = "resnet18"
    elif network:
        model["network"] = MASK2FORMER


def _shallow_vgg(backbone: dict[str, Any], head: dict[str, Any]) -> None:
    if not backbone["model_name"].startswith("vgg16"):
        return
    backbone["model_name"] = backbone["model_name"].replace("vgg16", "vgg11")
    backbone["mlp_ratio"] = 0.01  # of the classifier, which timm builds and drops
    if is_a(head, SegNetHead):
        head["num_convs"] = (1, 1, 1, 1, 1)
    else:
        head["channels"] = 16


def _narrow(model: dict[str, Any]) -> None:
    """Divide every width of a CNN and its heads by 8."""
    model["backbone"]["base_channels"] = 8
    if is_a(model["backbone"], ResNetV1c):
        model["backbone"]["stem_channels"] = 8
    for part in ("decode_head", "auxiliary_head"):
        head = model.get(part) or {}
        for name in ("in_channels", "channels", "c1_in_channels", "c1_channels"):
            if name in head:
                head[name] //= 8

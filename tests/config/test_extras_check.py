"""Errors about libraries that are not installed name the extra."""

import importlib
import importlib.util

import pytest
from mmengine.config import Config

from mmseg_splashkd import extras
from mmseg_splashkd.config.extras_check import (
    check_extras,
    check_optimizer,
    missing_extra,
)
from mmseg_splashkd.models.adapters.smp import build_network as build_smp
from mmseg_splashkd.models.adapters.transformers import build_network

LIBRARIES = ("timm", "mmpretrain", "segmentation_models_pytorch", "transformers")


@pytest.fixture
def without(monkeypatch):
    """No library of an extra can be imported."""

    def refuse(name: str):
        if name.partition(".")[0] in LIBRARIES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return importlib.import_module(name)

    monkeypatch.setattr(extras, "import_module", refuse)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@pytest.mark.parametrize(
    ("kind", "extra"),
    [("TIMMBackbone", "timm"), ("mmpretrain.ConvNeXt", "mmpretrain")],
)
@pytest.mark.parametrize("where", ["plain", "teacher"])
def test_a_backbone_of_a_library_that_is_missing(without, kind, extra, where):
    model = {"type": "EncoderDecoder", "backbone": {"type": kind}}
    if where == "teacher":
        model = {"type": "DistillSegmentor", "teacher": [model]}
    with pytest.raises(ImportError, match=rf"pip install -e '\.\[{extra}\]'"):
        check_extras(Config({"model": model}))


def test_an_optimizer_of_a_library_that_is_missing(without):
    optimizer = {"type": "timm.optim.AdamP"}
    with pytest.raises(ImportError, match=r"optimizers of timm need timm.*\[timm\]"):
        check_optimizer(Config({"optim_wrapper": {"optimizer": optimizer}}))
    check_optimizer(Config({"optim_wrapper": {"optimizer": {"type": "AdamW"}}}))


def test_networks_of_adapters(without):
    with pytest.raises(ImportError, match=r"need segmentation_models.*\[smp\]"):
        build_smp({"arch": "Unet"}, 2)
    with pytest.raises(ImportError, match=r"need transformers.*\[transformers\]"):
        build_network({"model_type": "segformer"}, 2)


def test_custom_imports_of_a_library_that_is_missing(monkeypatch):
    error = ImportError("Failed to import custom modules from ['mmpretrain.models']")
    monkeypatch.setattr(
        "mmseg_splashkd.config.extras_check.find_spec", lambda name: None
    )
    assert missing_extra(error).endswith("pip install -e '.[mmpretrain]'")
    assert missing_extra(ImportError("no module named mine")) == ""


@pytest.mark.parametrize(
    ("error", "match"),
    [
        (
            ModuleNotFoundError(
                "No module named 'einops.layers'", name="einops.layers"
            ),
            r"models of mmpretrain need einops: pip install -e '\.\[mmpretrain\]'",
        ),
        (
            ImportError("cannot import name 'x' from 'huggingface_hub'"),
            r"need mmpretrain, which is installed .*'x' from 'huggingface_hub'",
        ),
    ],
    ids=["needs another", "does not fit another"],
)
def test_a_package_that_the_library_needs_is_named(monkeypatch, error, match):
    def broken(name: str):
        raise error

    monkeypatch.setattr(extras, "import_module", broken)
    with pytest.raises(ImportError, match=match):
        extras.import_extra("mmpretrain.models", "models of mmpretrain", "mmpretrain")


def test_operators_of_torchvision_that_do_not_load(monkeypatch):
    def broken(name: str):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(extras, "import_module", broken)
    with pytest.raises(ImportError, match=r"torchvision, whose operators.*CPU or CUDA"):
        extras.import_extra("timm", "backbones of timm", "timm")


def test_other_errors_of_a_library_stay_as_they_are(monkeypatch):
    def broken(name: str):
        raise RuntimeError("another fault")

    monkeypatch.setattr(extras, "import_module", broken)
    with pytest.raises(RuntimeError, match="another fault"):
        extras.import_extra("timm", "backbones of timm", "timm")

"""Folders for transformers: what is written is read there, with equal outputs."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmseg_splashkd.models.foreign_weights import safe_init
from mmseg_splashkd.models.pretrained import hub
from tests.models.builders import build, segformer

transformers: Any = pytest.importorskip("transformers")

TINY = {"depths": [1] * 4, "hidden_sizes": [8] * 4, "num_attention_heads": [1] * 4}
TINY |= {"model_type": "segformer", "decoder_hidden_size": 8}
CLASSES = ["background", "splash"]


def whole_model(**network: Any) -> Any:
    torch.manual_seed(0)
    return build(
        {
            "type": "TransformersSegmentor",
            "data_preprocessor": segformer()["data_preprocessor"],
            "network": network,
            "decode_head": {
                "type": "TransformersHead",
                "num_classes": 2,
                "out_channels": 2,
                "loss_decode": {"type": "SoftmaxFocalLoss"},
            },
        }
    ).eval()


def images() -> torch.Tensor:
    return torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))


def test_a_whole_model_is_pushed_and_pulled(tmp_path):
    ours = whole_model(**TINY)
    hub.write_folder(ours, tmp_path, classes=CLASSES, size=(64, 96))
    kind = transformers.SegformerForSemanticSegmentation
    its = kind.from_pretrained(tmp_path).eval()
    assert its.config.id2label == dict(enumerate(CLASSES))
    with torch.no_grad():
        logits = its(images()).logits
        own = ours.decode_head(ours.extract_feat(images()))
    torch.testing.assert_close(logits, own, atol=1e-5, rtol=1e-5)
    pulled = whole_model(pretrained=str(tmp_path))
    pulled.init_weights()
    assert_equal(pulled, ours)


def test_images_are_prepared_as_the_segmentor_does(tmp_path):
    ours = whole_model(**TINY)
    hub.write_folder(ours, tmp_path, size=(64, 96))
    about = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert about["size"] == {"height": 64, "width": 96}
    image = torch.randint(256, (3, 64, 96), dtype=torch.uint8)  # BGR
    batch: Any = ours.data_preprocessor({"inputs": [image]}, False)
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path)
    rgb = image.flip(0).permute(1, 2, 0).numpy()
    its = processor(rgb, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(its, batch["inputs"], atol=1e-4, rtol=0)


def test_an_encoder_is_pushed_and_pulled(tmp_path, monkeypatch):
    logged: list[str] = []
    monkeypatch.setattr(hub, "print_log", lambda text, **_: logged.append(text))
    ours = build(segformer())
    hub.write_folder(ours, tmp_path, "encoder")
    assert "eps 1e-05, this encoder has 1e-06: the last features" in logged[0]
    start = {"type": "PretrainedWeights", "checkpoint": str(tmp_path)}
    torch.manual_seed(9)
    pulled = MODELS.build({**segformer()["backbone"], "init_cfg": start})
    with safe_init(pulled):
        pulled.init_weights()
    assert_equal(pulled, ours.backbone)


def assert_equal(ours: nn.Module, its: nn.Module) -> None:
    theirs = its.state_dict()
    assert ours.state_dict().keys() == theirs.keys()
    for name, value in ours.state_dict().items():
        assert torch.equal(value, theirs[name]), name


def refused(model: Any, folder: Path, message: str, part: str = "model") -> None:
    with pytest.raises(ValueError, match=message):
        hub.write_folder(model, folder, part)
    assert not list(folder.iterdir())


def test_what_transformers_cannot_hold_is_refused(tmp_path):
    ours = build(segformer())
    refused(ours, tmp_path, r"SegformerHead applies .* each stage.*part='encoder'")
    refused(ours, tmp_path, "part='head': choose one of", "head")
    ours.backbone = nn.Identity()
    refused(ours, tmp_path, "MixVisionTransformer, not Identity", "encoder")
    plain = segformer()
    plain["data_preprocessor"]["bgr_to_rgb"] = False
    refused(build(plain), tmp_path, "this model takes BGR", "encoder")
    plain["backbone"]["qkv_bias"] = False
    refused(build(plain), tmp_path, "qkv_bias=False: transformers has", "encoder")
    masks = whole_model(**TINY)
    masks.decode_head.queries, masks.decode_head.mask_conv = True, 5
    refused(masks, tmp_path, "mask_conv=5 is no part of the network")

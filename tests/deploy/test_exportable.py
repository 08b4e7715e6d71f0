"""What cannot be exported is refused by name, before weights are read."""

from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.models import SegDataPreProcessor
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.deploy.export import export_onnx, traced
from mmseg_splashkd.deploy.exportable import check_exportable
from mmseg_splashkd.deploy.of_config import deployed_of
from tests.conftest import CONFIGS, PLAIN, tiny
from tests.deploy.contract import SIZE, build, check_host, random_frames
from tests.deploy.families import EXPORTED, VARIANTS, small_model

SIGMOID = {"type": "CrossEntropyLoss", "use_sigmoid": True, "avg_non_ignore": True}
SIGMOID["_delete_"] = True


class OwnTest(EncoderDecoder):
    """Decides in its own way."""

    def postprocess_result(self, *given: Any, **named: Any) -> Any:
        """See ``EncoderDecoder``."""
        return super().postprocess_result(*given, **named)


class OwnPreprocessor(SegDataPreProcessor):
    """Does what is not known."""


@pytest.fixture
def cfg() -> Config:
    return Config.fromfile(PLAIN)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"type": "SegTTAModel"}, "model.type='SegTTAModel' .* is no EncoderDecoder"),
        ({"type": OwnTest}, r"'OwnTest' .* has its own postprocess_result\(\)"),
        ({"test_cfg": {"mode": "slide"}}, "test_cfg.mode='slide' cannot be exported"),
        (
            {"data_preprocessor.type": OwnPreprocessor},
            "data_preprocessor=OwnPreprocessor, test_cfg=None cannot be exported",
        ),
        ({"data_preprocessor": None}, "data_preprocessor=None, .* cannot be exported"),
        (
            {"data_preprocessor.test_cfg": {"size_divisor": 32}},
            "data_preprocessor=SegDataPreProcessor, test_cfg={.*} cannot be exported",
        ),
        (
            {"data_preprocessor.type": "MultiChannelPreProcessor"}
            | {"data_preprocessor.mean": [1] * 4, "data_preprocessor.std": [1] * 4},
            "MultiChannelPreProcessor of 4 channels .* no depth or infrared",
        ),
        (
            {"data_preprocessor.mean": [1], "data_preprocessor.std": [1]},
            "SegDataPreProcessor of 1 channels .* reads RGB frames",
        ),
    ],
)
def test_a_model_is_refused_by_name(cfg, options, words):
    check_exportable(cfg)
    for key, value in options.items():
        cfg.merge_from_dict({f"model.{key}": value})
    with pytest.raises(ValueError, match=words):
        check_exportable(cfg)


def test_a_config_without_validation_frames_is_refused(cfg):
    cfg.pop("val_dataloader")
    with pytest.raises(ValueError, match="has no val_dataloader"):
        check_exportable(cfg)


def test_neither_frames_nor_weights_are_read_before_the_refusal(tmp_path):
    path = CONFIGS / "grasp" / "pspnet_r101_grasp.py"
    for words, call in (
        ("DepthEstimator", lambda: deployed_of(read_config(path), "none.safetensors")),
        ("DepthEstimator", lambda: export_onnx(path, "none", tmp_path / "out.onnx")),
    ):
        with pytest.raises(ValueError, match=words):
            call()


class Branching(EncoderDecoder):
    """Decides by the values of a frame, which no graph does."""

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """See ``EncoderDecoder``."""
        logits = super().encode_decode(inputs, batch_img_metas)
        return logits if logits.mean() > 0 else -logits


def test_a_network_that_cannot_be_traced_is_named_with_its_parts():
    pytest.importorskip("onnxscript")
    model = small_model(VARIANTS["one logit"])
    model.type = Branching
    words = "^Branching of ResNetV1c, FCNHead cannot be exported to ONNX: .*run the"
    with pytest.raises(ValueError, match=words):
        traced(build(model))


def test_one_logit_is_decided_by_the_threshold_of_its_head(tmp_path):
    head = {"out_channels": 1, "threshold": 0.4, "loss_decode": SIGMOID}
    options = {f"model.decode_head.{key}": value for key, value in head.items()}
    cfg = read_config(PLAIN, tiny("model") | options)
    torch.manual_seed(0)
    weights = tmp_path / "one_logit.safetensors"
    write_weights(MODELS.build(cfg.model).state_dict(), weights, {})
    deployed, meta = deployed_of(cfg, weights)
    assert meta.thresholds == {"splash": 0.4}
    assert (deployed.class_id, deployed.threshold) == (1, 0.4)
    with torch.no_grad():
        probabilities, classes = deployed(torch.from_numpy(random_frames((1, *SIZE))))
    assert probabilities.shape == (1, 2, *SIZE)
    np.testing.assert_array_equal(classes, probabilities[:, 1] >= 0.4)


GRAY = next(family for family in EXPORTED if "MultiChannelPreProcessor" in family)


@pytest.mark.parametrize("order", ["bgr_to_rgb", "rgb_to_bgr", "neither"])
def test_colours_and_gray_are_those_of_the_preprocessor(order):
    model = small_model(EXPORTED[GRAY])
    orders = {each: each == order for each in ("bgr_to_rgb", "rgb_to_bgr")}
    model.data_preprocessor.update(orders)
    model.backbone.update(in_channels=3, take=[0, 2, 3])
    check_host(build(model))

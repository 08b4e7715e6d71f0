from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_splashkd.models.forward_pass import (
    blank_frame,
    count_segmentor,
    forward_pass,
    timed_pass,
)
from tests.conftest import CONFIGS


def b0(**options: Any) -> Any:
    cfg = Config.fromfile(CONFIGS / "kd" / "segformer_b0.py")
    cfg.merge_from_dict({f"model.{key}": value for key, value in options.items()})
    return MODELS.build(cfg.model)


def test_segformer_b0_as_published():
    # Xie et al., table 1: 3.8 M parameters (150 classes), 8.4 GFLOPs at 512x512, which
    # are multiply-accumulates. The logits are at stride 4.
    head = {"decode_head.num_classes": 150, "decode_head.out_channels": 150}
    cost = count_segmentor(b0(**head).to("meta"), (512, 512))
    assert cost.parameters / 1e6 == pytest.approx(3.8, abs=0.06)
    assert cost.gmacs == pytest.approx(8.4, rel=0.02)
    assert cost.stride == 4


def test_the_pass_is_the_network_of_the_segmentor():
    model = b0().eval()
    images = torch.randn(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(forward_pass(model)(images), model(images, mode="tensor"))


def test_frames_have_the_channels_that_the_model_normalises():
    gray: dict[str, Any] = {
        f"data_preprocessor.{key}": [1.0] for key in ("mean", "std")
    }
    gray["data_preprocessor.bgr_to_rgb"] = False
    assert blank_frame(b0(**gray), (8, 16)).shape == (1, 1, 8, 16)
    unknown = {"data_preprocessor.mean": None, "data_preprocessor.std": None}
    assert blank_frame(b0(**unknown), (8, 16)).shape == (1, 3, 8, 16)


def test_a_timed_pass_runs_the_model_in_evaluation_mode():
    model, seen = b0().train(), []
    model.decode_head.register_forward_hook(lambda *args: seen.append(args[-1].shape))
    run = timed_pass(model, (32, 64))
    assert not model.training
    run()
    run()
    assert seen == [(1, 2, 8, 16)] * 2

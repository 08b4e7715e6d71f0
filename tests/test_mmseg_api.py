"""MMSegmentation's own functions on configs and weights of this package."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner.checkpoint import load_checkpoint
from mmseg.apis import (
    MMSegInferencer,
    inference_model,
    init_model,
    show_result_pyplot,
)
from PIL import Image
from safetensors.torch import save_file

from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint
from mmseg_splashkd.models import DistillSegmentor
from tests.conftest import BEST
from tests.models.builders import distiller, fcn, segformer

# Its visualizer, without a folder to save to.
pytestmark = pytest.mark.filterwarnings("ignore:Failed to add <class:UserWarning")


def config_of(run: Path) -> Path:
    (config,) = run.glob("*.py")
    return config


def predicted(model: Any, frame: str) -> Any:
    return inference_model(model, frame)


@pytest.fixture(params=["teacher", "distilled"])
def run(request) -> Path:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("as_path", [True, False], ids=["path", "config"])
def test_a_model_is_built_and_predicts(run, pond, as_path, tmp_path):
    weights = find_checkpoint(str(run / BEST))
    config = config_of(run)
    model = init_model(
        str(config) if as_path else Config.fromfile(config), str(weights), "cpu"
    )
    expected = read_checkpoint(weights)
    for name, value in model.state_dict().items():
        assert torch.equal(value, expected["state_dict"][name]), name
    frame = min((pond / "images").iterdir())
    result = predicted(model, str(frame))
    assert result.pred_sem_seg.shape == (64, 80)
    assert model.dataset_meta["classes"] == ["background", "splash"]
    assert len(model.dataset_meta["palette"]) == 2
    out = tmp_path / "shown.png"
    show_result_pyplot(model, str(frame), result, show=False, out_file=str(out))
    with Image.open(out) as image:
        assert np.asarray(image).any()


def test_a_distilled_student_predicts_as_the_plain_model(distilled, pond):
    weights = str(find_checkpoint(str(distilled / BEST)))
    cfg = Config.fromfile(config_of(distilled))
    model = init_model(cfg, weights, "cpu")
    assert isinstance(model, DistillSegmentor)
    alone = Config.fromfile(config_of(distilled))
    alone.model = alone.model.student
    plain = init_model(alone, weights, "cpu")
    frame = str(min((pond / "images").iterdir()))
    logits = [predicted(m, frame).seg_logits.data for m in (model, plain)]
    assert torch.equal(*logits)


def test_the_inferencer_predicts_as_the_model(distilled, pond):
    weights = str(find_checkpoint(str(distilled / BEST)))
    config = str(config_of(distilled))
    frames = [str(each) for each in sorted((pond / "images").iterdir())[:2]]
    infer = MMSegInferencer(config, weights, device="cpu")
    found = infer(frames, return_datasamples=True)
    model = init_model(config, weights, "cpu")
    for frame, own in zip(frames, found, strict=True):
        expected = predicted(model, frame).pred_sem_seg.data
        assert torch.equal(own.pred_sem_seg.data, expected)


def test_a_checkpoint_of_a_run_is_read_too(distilled):
    (best,) = distilled.glob("best_*.pth")
    model = init_model(Config.fromfile(config_of(distilled)), str(best), "cpu")
    expected = read_checkpoint(best)["state_dict"]
    assert model.state_dict().keys() == expected.keys()


def test_weights_of_others_are_read_without_meta(tmp_path, monkeypatch):
    save_file(
        {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}, tmp_path / "w.safetensors"
    )
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    layer = torch.nn.Linear(3, 2)
    found = load_checkpoint(layer, "~/w.safetensors", map_location="cpu")
    assert bool((layer.weight == 1).all())
    assert found["meta"] == {}


@pytest.mark.parametrize(
    ("argument", "place"),
    [
        ("pretrained", "model.student.backbone.init_cfg"),
        ("train_cfg", "model.student.train_cfg"),
    ],
)
def test_arguments_of_a_plain_model_are_refused(argument, place):
    with pytest.raises(
        ValueError, match=f"model.{argument}='x' has no effect.* {place}"
    ):
        distiller(segformer(), fcn(), **{argument: "x"})

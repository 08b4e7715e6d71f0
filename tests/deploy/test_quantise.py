"""A quantised student says what it is, and what cannot be quantised is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.deploy.deployed_file import read_meta, size_of
from mmseg_splashkd.deploy.engines import open_engine
from mmseg_splashkd.deploy.engines.open_vino_core import open_vino_core
from mmseg_splashkd.deploy.integer_layers import layers_of
from mmseg_splashkd.deploy.labelled import (
    LabelledFrame,
    LabelledFrames,
    Validated,
    validated,
)
from mmseg_splashkd.deploy.quantise import (
    PRECISE,
    quantise,
    quantised_model,
)
from tests.deploy.conftest import given

openvino = pytest.importorskip("openvino", reason="no openvino: .[deploy]")


def test_it_says_how_it_was_made(quantised, exported):
    meta, source = read_meta(quantised), read_meta(exported)
    assert meta.weights_sha256 == source.weights_sha256
    assert meta.classes == source.classes
    assert meta.parity == {}
    assert {"openvino", "nncf", "torch"} <= meta.versions.keys()
    about = meta.quantised
    assert about["frames"] == 4
    assert about["validated"] == 6
    assert about["integers"] > len(about["floats"])
    assert about["after"] >= about["before"] - 0.25  # what was asked for
    assert size_of(quantised) < size_of(exported)


def test_its_threshold_is_the_best_of_the_validation_part(quantised, distilled):
    engine = open_engine("openvino", quantised)
    frames = LabelledFrames(read_config(given(distilled)[0]), "val_dataloader")
    found = validated(engine.run, frames, 1, 2)
    assert engine.meta.thresholds == {"splash": found.threshold}
    drawn = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), np.uint8)
    probabilities, classes = engine.run(drawn)
    np.testing.assert_array_equal(classes, probabilities[:, 1] >= found.threshold)


class OneLayerHurts(nn.Module):
    """Two classes by small differences beside a large value, which 8 bits round off."""

    def __init__(self) -> None:
        super().__init__()
        self.apart, self.joined, self.last = (
            nn.Conv2d(*channels, 1, bias=False) for channels in ((3, 8), (8, 8), (8, 2))
        )
        with torch.no_grad():
            self.apart.weight[0] *= 1e4
            self.joined.weight[:, 0] = 0

    def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.apart(frames.permute(0, 3, 1, 2) / 255 - 0.5).clamp(min=-1e5)
        probabilities = self.last(self.joined(x).tanh()).softmax(1)
        return probabilities, probabilities.argmax(1).to(torch.uint8)


def test_the_layer_that_hurts_is_left_in_float():
    torch.manual_seed(0)
    network = OneLayerHurts().eval()
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (1, 16, 16, 3), np.uint8) for _ in range(4)]
    with torch.no_grad():
        labels = [network(torch.from_numpy(each))[1][0].numpy() for each in frames]
    labelled = list(map(LabelledFrame, frames, labels))
    model = openvino.convert_model(network, example_input=torch.from_numpy(frames[0]))
    model.inputs[0].get_tensor().set_names({"frames"})
    for output, name in zip(model.outputs, ("probabilities", "classes"), strict=True):
        output.get_tensor().set_names({name})
    found = {}
    for max_drop in (1.0, 99.0):
        quantised = quantised_model(model.clone(), frames, labelled, max_drop, None, 2)
        run = open_vino_core().compile_model(quantised, "CPU", PRECISE)
        score = validated(lambda x, run=run: tuple(run(x).values()), labelled, None, 2)
        found[max_drop] = score.score, layers_of(quantised)
    assert found[99.0][0] < 95  # it does hurt
    assert found[99.0][1] == (3, ())
    assert found[1.0][0] >= 99
    integers, floats = found[1.0][1]
    assert integers + len(floats) == 3
    assert floats


def test_what_cannot_be_quantised_is_refused(exported, quantised, distilled, tmp_path):
    config, _ = given(distilled)
    out = tmp_path / "out.xml"
    with pytest.raises(ValueError, match=r"must end in \.xml"):
        quantise(config, exported, tmp_path / "out.onnx")
    with pytest.raises(ValueError, match=r"must be an ONNX file of tools/export\.py"):
        quantise(config, quantised, out)
    with pytest.raises(ValueError, match="frames=0 must be at least 1"):
        quantise(config, exported, out, frames=0)
    with pytest.raises(ValueError, match=r"max_drop=0\.0 must be above 0"):
        quantise(config, exported, out, max_drop=0.0)
    leaking = {"train_dataloader.dataset.dataset.split": "test"}
    with pytest.raises(ValueError, match="the data check found errors"):
        quantise(config, exported, out, cfg_options=leaking)
    assert not list(tmp_path.iterdir())


def test_frames_of_another_part_are_refused_whatever_is_allowed(
    exported, distilled, tmp_path
):
    config, _ = given(distilled)
    leaking = {
        "train_dataloader.dataset.dataset.split": "test",
        "data_check": {"allow": ["shared_frame", "overlap", "border"]},
    }
    with pytest.raises(ValueError, match=r"data_check\.allow does not hold here"):
        quantise(config, exported, tmp_path / "out.xml", cfg_options=leaking)


def test_a_drop_that_nothing_mends_is_refused(
    exported, distilled, tmp_path, monkeypatch
):
    config, _ = given(distilled)
    scores = iter([80.0, 50.0])

    def scored(*_):
        return Validated(next(scores), 0.5, [])

    monkeypatch.setattr("mmseg_splashkd.deploy.quantise._scored", scored)
    monkeypatch.setattr(
        "mmseg_splashkd.deploy.quantise.quantised_model", lambda model, *_: model
    )
    with pytest.raises(ValueError, match=r"drops from 80\.00 to 50\.00, by more than"):
        quantise(config, exported, tmp_path / "out.xml", frames=1)
    assert not list(tmp_path.iterdir())


def test_weights_of_another_file_are_refused(quantised, tmp_path):
    own = shutil.copy(quantised, tmp_path / "own.xml")
    with pytest.raises(FileNotFoundError, match=r"own\.bin does not exist"):
        read_meta(own)
    content = bytearray(quantised.with_suffix(".bin").read_bytes())
    content[100] ^= 1
    (tmp_path / "own.bin").write_bytes(content)
    with pytest.raises(ValueError, match=r"own\.bin is damaged, or of another file"):
        read_meta(own)
    Path(own).write_text("<net></net>")
    with pytest.raises(ValueError, match=r"was not written by tools/export\.py"):
        read_meta(own)
    Path(own).write_text("<net>")
    with pytest.raises(ValueError, match="is no file of OpenVINO, or damaged"):
        read_meta(own)
    with pytest.raises(ValueError, match=r"cannot run .*: take 'openvino'"):
        open_engine("onnxruntime", quantised)

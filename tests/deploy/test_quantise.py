"""A quantised student says what it is, and what cannot be quantised is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.deploy.deployed_file import read_meta, size_of
from mmseg_splashkd.deploy.engines import open_engine
from mmseg_splashkd.deploy.labelled import LabelledFrames, validated
from mmseg_splashkd.deploy.quantise import quantise
from tests.deploy.conftest import given


def test_it_says_how_it_was_made(quantised, exported):
    meta, source = read_meta(quantised), read_meta(exported)
    assert meta.weights_sha256 == source.weights_sha256
    assert meta.classes == source.classes
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


def test_layers_are_left_in_float_until_the_score_holds(
    exported, distilled, quantised, tmp_path, monkeypatch
):
    """A score that only floats reach keeps all layers in float."""
    exact = validated_exactly(exported)
    monkeypatch.setattr("mmseg_splashkd.deploy.quantise.validated", exact)
    config, _ = given(distilled)
    found = quantise(config, exported, tmp_path / "out.xml", frames=2, max_drop=1e-3)
    assert len(found.floats) > len(read_meta(quantised).quantised["floats"])
    assert found.after >= found.before - 1e-3


def validated_exactly(file: Path):
    """A score of nearness to the float file, in place of Dice."""
    engine = open_engine("openvino", file)

    def score(run, frames, class_id, classes):
        found = validated(run, frames, class_id, classes)
        apart = [
            np.abs(run(each.frame)[0] - engine.run(each.frame)[0]).max()
            for each in frames
        ]
        return found._replace(score=100 - 100 * float(max(apart)))

    return score


def test_what_cannot_be_quantised_is_refused(exported, quantised, distilled, tmp_path):
    config, _ = given(distilled)
    out = tmp_path / "out.xml"
    for arguments, words in (
        ((exported, tmp_path / "out.onnx"), "must end in .xml"),
        ((quantised, out), "must be an ONNX file of tools/export.py"),
        ((exported, out, 0), "frames=0 must be at least 1"),
        ((exported, out, 4, 0.0), "max_drop=0.0 must be above 0"),
    ):
        with pytest.raises(ValueError, match=words):
            quantise(config, *arguments)
    leaking = {"train_dataloader.dataset.split": "test"}
    with pytest.raises(ValueError, match="the data check found errors"):
        quantise(config, exported, out, cfg_options=leaking)
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
    with pytest.raises(ValueError, match="is not OpenVINO's, or damaged"):
        read_meta(own)
    with pytest.raises(ValueError, match="cannot run .*: take 'openvino'"):
        open_engine("onnxruntime", quantised)

"""A tiny distilled student becomes a file, which says and computes the same."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mmseg_splashkd.adaptation.whole_frames import frames_of
from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.datasets.image_file import read_as_training
from mmseg_splashkd.deploy.export import export_onnx
from mmseg_splashkd.deploy.metadata import PREFIX, DeployedMeta
from mmseg_splashkd.deploy.onnx_file import read_meta
from mmseg_splashkd.deploy.parity import Parity
from mmseg_splashkd.runs.open_network import open_network
from tests.deploy.conftest import given
from tests.deploy.contract import host_probabilities

onnx = pytest.importorskip("onnx", reason="no onnx: pip install -e '.[deploy]'")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def run(file: Path, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return session.run(None, {"frames": frames})


def test_any_number_and_size_of_frames_is_read(exported):
    rng = np.random.default_rng(0)
    for shape in ((1, 64, 80), (3, 33, 51), (2, 1, 7)):
        frames = rng.integers(0, 256, (*shape, 3), np.uint8)
        probabilities, classes = run(exported, frames)
        assert (probabilities.shape, classes.shape) == (
            (shape[0], 2, *shape[1:]),
            shape,
        )
        np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
        assert classes.dtype == np.uint8


def test_the_file_says_what_it_is(exported, distilled):
    meta, stored = read_meta(exported), read_checkpoint(given(distilled)[1])["meta"]
    point = stored["operating_point"]
    assert meta.classes == ("background", "splash")
    assert meta.thresholds == {"splash": point["threshold"]}
    assert meta.run == stored["run"]
    assert meta.parity["probability"] < 0.02
    assert meta.gray_to_train_id[255] in (0, 1, 255)
    assert {"torch", "onnx", "onnxruntime", "mmseg_splashkd"} <= meta.versions.keys()


def test_a_frame_is_decided_by_the_stored_threshold(exported, distilled):
    threshold = read_meta(exported).thresholds["splash"]
    frames = np.random.default_rng(1).integers(0, 256, (2, 64, 80, 3), np.uint8)
    probabilities, classes = run(exported, frames)
    np.testing.assert_array_equal(classes, probabilities[:, 1] >= threshold)


def test_probabilities_are_those_of_a_test_of_the_weights(exported, distilled):
    config, weights = given(distilled)
    cfg, (height, width) = read_config(config), read_meta(exported).size
    network, compared = open_network(cfg, weights), 0
    for batch in frames_of(cfg, "val"):
        (sample,) = network.test_step(batch)
        expected = sample.seg_logits.data.detach().softmax(0).numpy()
        rgb = read_as_training(sample.img_path)
        (own,), _ = run(exported, rgb[None])
        # OpenCV and the graph resize differently, by up to a gray level.
        np.testing.assert_allclose(own, expected, atol=0.02)
        resized = cv2.resize(rgb, (width, height))
        np.testing.assert_allclose(
            run(exported, resized[None])[0][0],
            host_probabilities(network, resized[..., ::-1]),
            atol=1e-4,
        )
        compared += 1
    assert compared == 6


def test_a_file_that_differs_is_not_written(exported, distilled, tmp_path, monkeypatch):
    config, weights = given(distilled)
    model = onnx.load(str(exported))
    monkeypatch.setattr("mmseg_splashkd.deploy.export.traced", lambda deployed: model)
    monkeypatch.setattr("mmseg_splashkd.deploy.parity.PROBABILITY", -1)
    with pytest.raises(ValueError, match="on 1 frames the file differs from PyTorch"):
        export_onnx(config, weights, tmp_path / "out.onnx", frames=1)
    assert not list(tmp_path.iterdir())
    kept = Path(weights).read_bytes()
    with pytest.raises(ValueError, match=r"must end in \.onnx: it is written anew"):
        export_onnx(config, weights, weights)
    assert Path(weights).read_bytes() == kept
    with pytest.raises(ValueError, match="frames=0 must be at least 1"):
        export_onnx(config, weights, tmp_path / "out.onnx", frames=0)


def test_what_cannot_be_exported_is_refused_by_name(distilled, tmp_path):
    config, weights = given(distilled)
    out = tmp_path / "out.onnx"
    for options, words in (
        ({"model.student.test_cfg.mode": "slide"}, "test_cfg.mode='slide' cannot be"),
        (
            {"model.student.data_preprocessor.test_cfg": {"size_divisor": 32}},
            "data_preprocessor=SegDataPreProcessor, test_cfg=.* cannot be exported",
        ),
    ):
        with pytest.raises(ValueError, match=words):
            export_onnx(config, weights, out, cfg_options=options)
    assert not out.exists()


def changed(file: Path, out: Path, change: Any) -> Path:
    model = onnx.load(str(file))
    change(model)
    out.write_bytes(model.SerializeToString())
    return out


def test_files_of_others_are_refused(exported, tmp_path):
    def forget(model: Any) -> None:
        del model.metadata_props[:]

    def outside(model: Any) -> None:
        model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL

    def outside_of_a_node(model: Any) -> None:
        tensor = model.graph.node.add(op_type="Constant").attribute.add().t
        tensor.data_location = onnx.TensorProto.EXTERNAL

    def newer(model: Any) -> None:
        for each in model.metadata_props:
            if each.key == f"{PREFIX}.format":
                each.value = json.dumps(99)

    for change, words in (
        (forget, "was not written by tools/export.py"),
        (outside, "has weights in other files"),
        (outside_of_a_node, "has weights in other files"),
        (newer, "format 99, and this reads 1"),
    ):
        file = changed(exported, tmp_path / "other.onnx", change)
        with pytest.raises(ValueError, match=words):
            read_meta(file)
    (tmp_path / "cut.onnx").write_bytes(exported.read_bytes()[:1000])
    with pytest.raises(ValueError, match="is no ONNX file, or damaged"):
        read_meta(tmp_path / "cut.onnx")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_meta(tmp_path / "none.onnx")


def test_entries_survive_a_round_trip(exported):
    meta = replace(read_meta(exported), train_id_to_gray={1: 255})
    assert DeployedMeta.read(meta.entries(), "x") == meta
    assert Parity(1, 0.0, 0.0).figures.keys() == meta.parity.keys()

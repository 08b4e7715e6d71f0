"""A model opens from every kind of file, and reads frames as training does."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.datasets.label_coding import load_label_coding
from mmseg_splashkd.deploy import SplashModel
from mmseg_splashkd.deploy.engines import open_engine
from mmseg_splashkd.records.run_file import read_record, write_record
from tests.deploy.conftest import given
from tests.deploy.predict.fakes import META, RedEngine, noise, red_model, write


def as_stored(folder: Path) -> Path:
    """Pictures of all kinds that cameras and tools write."""
    pixels = noise(9, 7)
    write(folder / "gray.png", pixels[..., 0])
    write(folder / "alpha.png", np.dstack([pixels, pixels[..., :1]]))
    write(folder / "deep.png", pixels[..., 0].astype(np.uint16) * 257)
    write(folder / "plain.bmp", pixels)
    exif = Image.Exif()
    exif[274] = 6  # on its side
    write(folder / "turned.jpg", pixels, exif=exif)
    write(folder / "other.tif", noise(5, 11))
    write(folder / "modern.webp", pixels, lossless=True)
    return folder


def test_pictures_of_any_kind_are_read_as_in_training(tmp_path):
    found = red_model().predict(as_stored(tmp_path))
    names = ["alpha", "deep", "gray", "modern", "other", "plain", "turned"]
    assert [each.name for each in found] == names
    for each in found:
        assert each.path is not None
        content = each.path.read_bytes()
        expected = mmcv.imfrombytes(content, "color", "bgr")  # LoadImageFromFile
        np.testing.assert_array_equal(each.frame, expected[..., ::-1], each.name)
        assert each.labels.shape == expected.shape[:2]
        np.testing.assert_array_equal(each.labels, each.frame[..., 0] >= 128)
    assert found[-1].labels.shape == (7, 9)
    (alone,) = red_model().predict(tmp_path / "alpha.png")
    assert alone.name == "alpha"
    assert len(red_model().predict([str(p.path) for p in found[:3]])) == 3


def test_gray_values_are_those_that_the_data_set_writes():
    """Of several that stand for a class, not simply the lowest."""
    coding = load_label_coding("wildscenes")
    assert coding.train_id_to_gray
    meta = replace(
        META,
        classes=tuple(coding.classes),
        palette=tuple(map(tuple, coding.palette)),
        gray_to_train_id=coding.gray_to_train_id,
        train_id_to_gray=coding.train_id_to_gray,
    )
    engine = RedEngine()
    engine.meta = meta
    ids = np.arange(len(coding.classes), dtype=np.uint8)[None]
    found = SplashModel(engine).coding.to_gray(ids)
    np.testing.assert_array_equal(found, coding.to_gray(ids))


def test_arrays_are_frames_batches_or_lists_of_them():
    frames = np.stack([noise(6, 8, seed) for seed in range(3)])
    one, batch = red_model().predict(frames[0]), red_model().predict(frames)
    mixed = red_model().predict([frames[0], frames[1:]])
    assert [len(each) for each in (one, batch, mixed)] == [1, 3, 3]
    for found, other in zip(batch, mixed, strict=True):
        np.testing.assert_array_equal(found.probabilities, other.probabilities)
    assert [each.name for each in batch] == ["000000", "000001", "000002"]
    assert batch[1].path is None
    assert batch[1].probabilities.shape == (2, 6, 8)


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        (np.zeros((4, 4, 3)), TypeError, "frames are float64, and must be"),
        (np.zeros((4, 4), np.uint8), ValueError, r"must be \(N, H, W, 3\), RGB"),
        (np.zeros((4, 4, 4), np.uint8), ValueError, "leave out alpha"),
        (np.zeros((0, 4, 4, 3), np.uint8), ValueError, "frames are empty"),
        ([], ValueError, "got an empty list"),
        (3, TypeError, "takes arrays of uint8 or paths, .* got int"),
        (["a.png", noise(3, 3)], TypeError, "got ndarray, str"),
        ("no/such", FileNotFoundError, "no/such is neither a picture nor a folder"),
    ],
)
def test_other_inputs_are_refused(source: Any, error, words):
    with pytest.raises(error, match=words):
        red_model().predict(source)


def test_a_damaged_picture_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"a\.png cannot be read"):
        red_model().predict(tmp_path)


def test_probabilities_that_are_no_numbers_are_refused():
    class Diverged(RedEngine):
        def run(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            probabilities, labels = super().run(frames)
            return probabilities * np.nan, labels

    with pytest.raises(ValueError, match="000000: probabilities are not finite"):
        SplashModel(Diverged()).predict(noise(4, 4))


def test_an_exported_file_and_its_weights_predict_alike(exported, distilled, pond):
    config, weights = given(distilled)
    opened = {
        "file": SplashModel.load(exported, threads=1),
        "recorded": SplashModel.load(weights, threads=1),
        "named": SplashModel.load(distilled / "best_*.pth", config=config),
    }
    assert opened["file"].classes == ("background", "splash")
    words = "<SplashModel of background, splash in {}>"
    assert repr(opened["file"]) == words.format("onnxruntime")
    assert repr(opened["recorded"]) == words.format("torch")
    found = {name: model.predict(pond / "images")[:4] for name, model in opened.items()}
    for own, *others in zip(*found.values(), strict=True):
        (expected,), (labels,) = open_engine("onnxruntime", exported).run(
            own.frame[None]
        )
        np.testing.assert_array_equal(own.probabilities, expected)
        np.testing.assert_array_equal(own.labels, labels)
        for each in others:
            np.testing.assert_allclose(each.probabilities, expected, atol=0.01)


def test_what_does_not_fit_a_model_is_refused(exported, distilled, tmp_path):
    config, weights = given(distilled)
    alone = tmp_path / "alone.safetensors"
    write_weights({}, alone, {})
    load = SplashModel.load
    cases: list[tuple[tuple, dict, str]] = [
        ((exported,), {"config": config}, "config=.* has no effect"),
        ((exported,), {"engine": "tpu"}, "engine 'tpu' is none of onnxruntime"),
        ((exported,), {"threads": 0}, "threads=0 must be at least 1"),
        ((weights,), {"engine": "onnxruntime"}, "export them with tools/export.py"),
        ((alone,), {}, "no record of a run lies beside it: give --config"),
        ((config,), {}, "is no model: it takes a file of tools/export.py"),
    ]
    for arguments, options, words in cases:
        with pytest.raises(ValueError, match=words):
            load(*arguments, **options)
    with pytest.raises(FileNotFoundError, match=r"none\.onnx does not exist"):
        load("none.onnx")
    with pytest.raises(FileNotFoundError, match=r"model='none\.pth' does not exist"):
        load("none.pth", config=config)


def test_a_recorded_config_that_would_run_code_is_refused(distilled, tmp_path):
    record = read_record(distilled)
    assert record is not None
    code = "custom_imports = {'imports': ['evil']}\n"
    write_record(tmp_path, replace(record, config_text=code))
    write_weights({}, tmp_path / "w.safetensors", {})
    with pytest.raises(ValueError, match="would be imported: give --config"):
        SplashModel.load(tmp_path / "w.safetensors")

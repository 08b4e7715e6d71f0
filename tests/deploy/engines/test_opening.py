"""Every engine that is installed computes what PyTorch computes."""

import numpy as np
import pytest

from mmseg_splashkd.deploy.engines import (
    ENGINES,
    checked_frames,
    installed,
    open_engine,
    open_pytorch,
)
from tests.deploy.conftest import given

FRAMES = np.random.default_rng(0).integers(0, 256, (2, 45, 67, 3), np.uint8)


@pytest.fixture(scope="module")
def expected(exported, distilled):
    engine = open_pytorch(*given(distilled))
    assert (engine.name, engine.meta.classes) == ("torch", ("background", "splash"))
    return engine.run(FRAMES)


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_computes_what_pytorch_does(name, exported, expected):
    if name not in installed():
        pytest.skip(f"{name} is not installed, or not for this CPU")
    engine = open_engine(name, exported, threads=1)
    assert engine.name == name
    found = engine.run(FRAMES)
    near = 0.03 if name.endswith("bf16") else 2e-3  # bfloat16 has 8 bits
    for own, its in zip(found, expected, strict=True):
        assert (own.dtype, own.shape) == (its.dtype, its.shape)
    np.testing.assert_allclose(found[0], expected[0], atol=near)
    assert (found[1] != expected[1]).mean() < 0.05
    kept = found[0].copy()
    engine.run(255 - FRAMES)
    np.testing.assert_array_equal(found[0], kept)  # not in the engine's memory


def test_what_cannot_be_opened_is_refused_by_name(exported, monkeypatch):
    with pytest.raises(ValueError, match="engine 'tensorrt' is none of onnxruntime"):
        open_engine("tensorrt", exported)
    with pytest.raises(ValueError, match="threads=0 must be at least 1"):
        open_engine("onnxruntime", exported, threads=0)
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(ImportError, match=r"need openvino: pip install .*\[deploy\]"):
        open_engine("openvino", exported)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (FRAMES[0], r"shape \(45, 67, 3\), and must be \(N, H, W, 3\)"),
        (FRAMES[..., :1], "repeat a gray channel"),
        (np.concatenate([FRAMES, FRAMES[..., :1]], -1), "leave out alpha"),
        (FRAMES[:, :0], "frames are empty"),
        (FRAMES.astype(np.uint16), "frames are uint16"),
        (FRAMES / 255, "frames are float64"),
        (FRAMES.tolist(), "frames are list"),
    ],
)
def test_other_frames_are_refused(frames, words):
    with pytest.raises((TypeError, ValueError), match=words):
        checked_frames(frames)

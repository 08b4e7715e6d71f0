"""The fastest engine that predicts the same is chosen, and remembered."""

import json

import numpy as np
import pytest

from mmseg_splashkd.deploy import choice
from mmseg_splashkd.deploy.choice import (
    Measured,
    chosen,
    engine_for,
    measure,
    recalled,
    remember,
    remembered_file,
)
from mmseg_splashkd.deploy.engines import installed

FRAMES = [np.full((1, 32, 48, 3), gray, np.uint8) for gray in (40, 200)]
SLOW = Measured("onnxruntime", 9.0, "equivalent", True)
FAST = Measured("openvino", 3.0, "same masks", True)
WRONG = Measured("openvino_bf16", 1.0, "worse", False)


@pytest.fixture
def file(exported, tmp_path):
    own = tmp_path / "own.onnx"
    own.write_bytes(exported.read_bytes())
    return own


def test_the_fastest_good_engine_is_chosen():
    assert chosen([SLOW, FAST, WRONG]) is FAST
    with pytest.raises(ValueError, match=r"no engine does .*\(openvino_bf16: worse\)"):
        chosen([WRONG])


def test_what_was_measured_is_remembered_for_this_file_and_machine(file, monkeypatch):
    assert recalled(file) == []
    remember(file, [SLOW, WRONG])
    remember(file, [SLOW, FAST])  # replaces
    assert recalled(file) == [SLOW, FAST]
    told: list[str] = []
    assert engine_for(file, FRAMES, tell=told.append) == "openvino"
    assert told[1] == "  openvino: 3.0 ms, same masks <- chosen"
    own = choice.machine()
    monkeypatch.setattr(choice, "machine", lambda: {**own, "cpu": "another"})
    assert recalled(file) == []
    remember(file, [WRONG])
    monkeypatch.setattr(choice, "machine", lambda: own)
    assert recalled(file) == [SLOW, FAST]  # beside those of the other machine
    file.write_bytes(file.read_bytes() + b"\0")
    assert recalled(file) == []


def test_engines_are_measured_where_nothing_is_remembered(file):
    found = measure(file, FRAMES, threads=1)
    assert [each.engine for each in found] == installed()
    assert all(each.good and each.milliseconds > 0 for each in found[:2])
    name = engine_for(file, FRAMES, tell=lambda line: None)
    assert name in {each["engine"] for each in _engines(file) if each["good"]}
    assert engine_for(file, FRAMES, tell=lambda line: None) == name


def _engines(file):
    (entry,) = json.loads(remembered_file(file).read_text())["machines"]
    return entry["engines"]


def test_an_engine_with_other_masks_is_not_good(file, monkeypatch):
    class Inverted:
        def run(self, frames):
            return None, np.ones(frames.shape[:3], np.uint8)

    class Right:
        def run(self, frames):
            return None, np.zeros(frames.shape[:3], np.uint8)

    def opened(name, file, threads):
        return Inverted() if name == "openvino" else Right()

    monkeypatch.setattr(choice, "open_engine", opened)
    monkeypatch.setattr(choice, "installed", lambda: ["onnxruntime", "openvino"])
    exact, other = measure(file, FRAMES)
    assert (exact.verdict, exact.good) == ("same masks", True)
    assert (other.verdict, other.good) == ("other masks", False)


def test_a_damaged_memory_is_named(file):
    remembered_file(file).write_text('{"machines": 3}')
    with pytest.raises(ValueError, match=r"own\.onnx\.engines\.json is damaged"):
        recalled(file)


def test_a_folder_that_is_read_only_is_no_obstacle(file, monkeypatch):
    def refused(*_):
        raise PermissionError("read only")

    monkeypatch.setattr(choice, "remember", refused)
    told: list[str] = []
    assert engine_for(file, FRAMES, tell=told.append)
    assert "cannot be written (read only): not remembered" in told[0]

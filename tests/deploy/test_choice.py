"""The fastest engine that predicts the same is chosen, and remembered."""

from dataclasses import replace

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
WRONG = Measured("openvino_bf16", 1.0, "worse", False, by_labels=True)


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
    monkeypatch.setattr(choice, "installed", lambda: ["onnxruntime", "openvino"])
    assert recalled(file) == []
    remember(file, [SLOW, replace(FAST, good=False)])
    remember(file, [FAST])  # the other engine stays
    assert recalled(file) == [SLOW, FAST]
    told: list[str] = []
    assert engine_for(file, FRAMES, tell=told.append) == "openvino"
    assert told[1] == "  openvino: 3.0 ms, same masks <- chosen"
    assert recalled(file, threads=2) == []
    own = choice.machine()
    monkeypatch.setattr(choice, "machine", lambda _: {**own, "cpu": "another"})
    assert recalled(file) == []
    remember(file, [WRONG])
    monkeypatch.setattr(choice, "machine", lambda _: own)
    assert recalled(file) == [SLOW, FAST]  # beside those of the other machine
    file.write_bytes(file.read_bytes() + b"\0")
    assert recalled(file) == []


def test_engines_are_measured(file):
    found = measure(file, FRAMES, threads=1)
    assert [each.engine for each in found] == installed()
    assert all(each.good and each.milliseconds > 0 for each in found[:2])


def test_what_is_not_known_is_measured_and_a_verdict_on_labels_stays(file, monkeypatch):
    now = [replace(SLOW, verdict="same masks"), FAST, replace(WRONG, good=True)]
    monkeypatch.setattr(choice, "measure", lambda *_: now)
    monkeypatch.setattr(choice, "installed", lambda: [each.engine for each in now])
    remember(file, [replace(WRONG, milliseconds=0.5)])
    assert engine_for(file, FRAMES, tell=lambda line: None) == "openvino"
    assert set(recalled(file)) == {now[0], FAST, WRONG}
    monkeypatch.setattr(choice, "measure", None)  # all is known now
    assert engine_for(file, FRAMES, tell=lambda line: None) == "openvino"


def measuring(monkeypatch, *found: Measured) -> None:
    monkeypatch.setattr(choice, "measure", lambda *_: list(found))
    monkeypatch.setattr(choice, "installed", lambda: [each.engine for each in found])


def test_what_labels_have_decided_holds_for_any_number_of_threads(file, monkeypatch):
    measuring(monkeypatch, replace(SLOW, engine="onnxruntime", good=True), FAST)
    remember(file, [replace(FAST, verdict="worse", good=False, by_labels=True)], 1)
    assert engine_for(file, FRAMES, 2, tell=lambda line: None) == "onnxruntime"


@pytest.mark.parametrize("known", [False, True], ids=["now", "remembered"])
def test_masks_of_a_reference_that_is_worse_are_not_good(file, monkeypatch, known):
    reference = replace(SLOW, verdict=choice.REFERENCE)
    like = replace(FAST, engine="openvino_bf16")
    measuring(monkeypatch, reference, FAST, like)
    if known:
        remember(file, [reference, FAST, like])
    worse = {"verdict": "worse", "good": False, "by_labels": True}
    remember(file, [replace(SLOW, **worse), replace(FAST, **worse)])  # not the third
    told = r"openvino_bf16: as onnxruntime, which is worse"
    with pytest.raises(ValueError, match=rf"no engine does .*{told}"):
        engine_for(file, FRAMES)


def test_a_rejection_without_labels_is_not_remembered(file, monkeypatch):
    other = replace(FAST, verdict=choice.OTHER_MASKS, good=False)
    reference = replace(SLOW, verdict=choice.REFERENCE)
    measuring(monkeypatch, reference, other)
    told: list[str] = []
    assert engine_for(file, FRAMES, tell=told.append) == "onnxruntime"
    assert recalled(file) == [reference]
    assert "openvino: 3.0 ms, other masks, tools/verify.py decides by labels" in told[1]


def test_masks_that_lack_a_class_decide_for_once_only(file, monkeypatch):
    class Calm:
        def run(self, frames):
            return None, np.zeros(frames.shape[:3], np.uint8)

    monkeypatch.setattr(choice, "open_engine", lambda *_: Calm())
    told: list[str] = []
    assert engine_for(file, FRAMES, tell=told.append) in installed()
    assert "same masks, not of all classes" in told[0]
    assert not remembered_file(file).exists()


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
    assert (exact.verdict, exact.good) == (choice.UNSEEN, True)
    assert (other.verdict, other.good) == (choice.OTHER_MASKS, False)


def test_a_damaged_memory_is_named(file):
    remembered_file(file).write_text('{"machines": 3}')
    with pytest.raises(ValueError, match=r"own\.onnx\.engines\.json is damaged"):
        recalled(file)
    assert remember(file, [FAST]) is None  # replaces it
    assert recalled(file) == [FAST]


def test_a_folder_that_is_read_only_is_no_obstacle(file, monkeypatch):
    def refused(*_):
        raise PermissionError("read only")

    monkeypatch.setattr(choice, "write_whole", refused)
    failure = remember(file, [FAST])
    assert failure is not None
    assert "cannot be written (read only): not remembered" in failure

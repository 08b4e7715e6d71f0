"""Each step from weights to a file gets its verdict."""

import json
from typing import Any

import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from mmseg_splashkd.deploy.choice import recalled, remembered_file
from mmseg_splashkd.deploy.testing import evaluate_file
from mmseg_splashkd.deploy.verify import Step, _remembered, verify
from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.evaluation.interleaved import spread
from tests.deploy.conftest import given
from tests.tools import status_of


def test_a_file_is_compared_with_its_weights(exported, distilled, tmp_path, capsys):
    out = tmp_path / "table.json"
    options = ("--engines", "onnxruntime", "--rounds", 1, "--threads", 1)
    written = ("--work-dir", tmp_path / "scores", "--markdown", "--json", out)
    arguments = (*given(distilled), exported, *options, *written)
    assert not status_of("verify.py", *arguments)
    table = json.loads(out.read_text())["table"]
    names = ["weights, as tested", "torch", "student.onnx, onnxruntime"]
    assert [row["Step"] for row in table] == names
    scores = [float(row["Dice.splash (%)"]) for row in table]
    assert scores[1] == pytest.approx(scores[2], abs=0.05)  # the same function
    assert scores[0] == pytest.approx(scores[1], abs=3)  # another resize
    assert float(table[1]["x PyTorch"]) == 1
    assert {row["Within 0.5 points"] for row in table[1:]} <= {
        "equivalent",
        "better",
        "worse",
        "cannot tell",
    }
    told = capsys.readouterr().out
    assert "student.onnx, onnxruntime: no verdict: 3 frames make" in told
    assert "differ in the decision threshold" not in told
    assert "Times are of frames of " in told
    assert "| Step | MiB | ms a frame | x PyTorch | Dice.splash (%) |" in told
    assert recalled(exported, threads=1) == []  # "cannot tell" decides nothing
    about = load_scores(
        tmp_path / "scores" / "student.onnx_onnxruntime" / "scores.npz"
    ).about
    assert about["checkpoint"] == str(exported)
    assert about["engine"] == "onnxruntime"


def test_a_file_of_other_weights_is_refused(exported, distilled, tmp_path):
    config, weights = given(distilled)
    other = tmp_path / "other.safetensors"
    with safe_open(weights, "pt") as stored:
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        name = next(iter(tensors))
        tensors[name] = tensors[name] + 1
        save_file(tensors, other, stored.metadata())
    with pytest.raises(ValueError, match="was not made of"):
        verify(config, other, [exported], work_dir=tmp_path)


def test_what_would_fail_late_is_refused_at_once(
    exported, quantised, distilled, tmp_path
):
    config, weights = given(distilled)
    twin = tmp_path / exported.name
    twin.write_bytes(exported.read_bytes())
    cases: list[tuple[list, dict[str, Any], str]] = [
        ([exported, twin], {}, "two files are named student.onnx"),
        ([quantised], {"engines": ("onnxruntime",)}, "none of torch, onnxruntime runs"),
        ([exported], {"engines": ("onnxruntime", "openvno")}, "'openvno' is none of"),
        ([exported], {"engines": ("auto",)}, "'auto' is none of"),
        ([exported], {"rounds": 0}, "rounds=0 must be at least 1"),
        ([exported], {"margin": 0.0}, "must be a margin above 0"),
    ]
    for files, options, words in cases:
        with pytest.raises(ValueError, match=words):
            verify(config, weights, files, work_dir=tmp_path / "scores", **options)
    assert not (tmp_path / "scores").exists()


def test_a_decided_verdict_is_remembered(exported, distilled, tmp_path, monkeypatch):
    config, weights = given(distilled)
    monkeypatch.setattr(Step, "verdict", "equivalent")
    options: dict[str, Any] = {"engines": ("onnxruntime",), "rounds": 1, "threads": 1}
    verify(config, weights, [exported], work_dir=tmp_path / "scores", **options)
    (kept,) = recalled(exported, threads=1)
    assert (kept.engine, kept.verdict, kept.good) == ("onnxruntime", "equivalent", True)
    assert kept.by_labels
    remembered_file(exported).unlink()  # of all tests


@pytest.mark.parametrize(
    ("margin", "verdict", "kept"),
    [
        (0.5, "worse", True),
        (0.2, "worse", False),  # perhaps within 0.5 points
        (0.2, "equivalent", True),
        (1.0, "equivalent", False),
        (0.5, "cannot tell", False),
    ],
)
def test_what_is_remembered_holds_at_the_usual_margin(
    exported, monkeypatch, margin, verdict, kept
):
    monkeypatch.setattr(Step, "verdict", verdict)
    step = object.__new__(Step)
    values = {"file": exported, "engine": "openvino", "milliseconds": spread([3.0])}
    for name, value in values.items():
        object.__setattr__(step, name, value)
    assert not list(_remembered([step], 1, margin))
    assert bool(recalled(exported, threads=1)) is kept
    remembered_file(exported).unlink(missing_ok=True)


def test_an_exported_file_is_tested_in_one_process(exported, distilled):
    config, _ = given(distilled)
    with pytest.raises(ValueError, match="--launcher pytorch: an exported file"):
        evaluate_file(config, exported, launcher="pytorch")
    with pytest.raises(ValueError, match="--tta flips frames"):
        evaluate_file(config, exported, tta=True)

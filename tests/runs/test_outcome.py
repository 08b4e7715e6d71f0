import hashlib
import math
import os

import numpy as np
import pytest
import torch

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.records.record import BestAndLast, Teacher
from mmseg_splashkd.runs.outcome import (
    plain_metrics,
    tensors_sha256,
    weights_sha256,
    with_outcome,
)
from tests.records.builders import record

METRICS = {2: {"mIoU": 50.0}, 4: {"mIoU": 60.0}, 10: {"mIoU": 40.0}}


@pytest.fixture
def work_dir(tmp_path):
    for kind, iteration in (("best", 4), ("last", 10)):
        weights = {"a": torch.full((2,), float(iteration))}
        path = tmp_path / f"weights_run0_{kind}.safetensors"
        write_weights(weights, path, {"iter": iteration})
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "val_last.npz").touch()
    return tmp_path


def outcome(work_dir, **changes):
    return with_outcome(record(validations=METRICS, **changes), work_dir)


def test_best_metrics_are_those_of_the_best_weights(work_dir):
    found = outcome(work_dir)
    assert found.metrics == BestAndLast(METRICS[4], METRICS[10])
    assert found.scores == BestAndLast(None, "scores/val_last.npz")
    for kind in ("best", "last"):
        weights = found.weights.of(kind)
        assert weights is not None
        assert weights.path == f"weights_run0_{kind}.safetensors"
        assert weights.sha256 == weights_sha256(work_dir / weights.path)
    assert found.teacher is None


def test_report_of_the_teacher_is_added(work_dir):
    (work_dir / "teacher.json").write_text('{"ece": 0.5}')
    found = outcome(work_dir, teacher=Teacher(("t",), ("1",)))
    assert found.teacher == Teacher(("t",), ("1",), {"ece": 0.5})


def test_files_of_an_earlier_run_are_not_this_ones(work_dir):
    old = work_dir / "weights_run0_best.safetensors"
    os.utime(old, (1e9, 1e9))  # before it began
    found = outcome(work_dir)
    assert found.weights.best is None
    assert found.metrics.best is None
    resumed = outcome(work_dir, resumed=True)
    assert resumed.metrics.best == METRICS[4]


@pytest.mark.parametrize("step", ["iter", "epoch"])
def test_checkpoints_of_mmengine_replace_missing_exports(tmp_path, step):
    names = f"best_mIoU_{step}_2.pth", f"{step}_4.pth"
    for name, iteration in zip(names, (2, 4), strict=True):
        state = {"a": torch.ones(1)}
        meta = {"iter": iteration}
        torch.save({"state_dict": state, "meta": meta}, tmp_path / name)
    found = outcome(tmp_path)
    assert found.weights.best is not None
    assert found.weights.last is not None
    paths = found.weights.best.path, found.weights.last.path
    assert paths == names
    assert found.metrics.best == METRICS[2]


def test_rewritten_weights_are_hashed_again(work_dir):
    first = outcome(work_dir)
    path = work_dir / "weights_run0_last.safetensors"
    write_weights({"a": torch.ones(2)}, path, {"iter": 10})
    assert outcome(work_dir).weights.last != first.weights.last


def test_damaged_weights_are_no_weights(work_dir):
    (work_dir / "weights_run0_last.safetensors").write_bytes(b"\0")
    assert outcome(work_dir).weights.last is None


def test_hash_of_tensors_is_that_of_their_bits():
    values = np.array([[1.5, -2.0]], np.float32)
    state = {"b": torch.tensor(7), "a": torch.from_numpy(values)}
    expected = hashlib.sha256(
        b"a torch.float32 (1, 2)\n" + values.tobytes() + b"b torch.int64 ()\n"
        b"\x07" + b"\0" * 7
    )
    assert tensors_sha256(state) == expected.hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        {"a": torch.tensor([1.0, -0.0])},  # equal numbers, other bits
        {"a": torch.tensor([[1.0, 0.0]])},
        {"a": torch.tensor([1.0, 0.0]).half()},
        {"b": torch.tensor([1.0, 0.0])},
    ],
)
def test_hash_of_tensors_shows_any_difference(other):
    assert tensors_sha256(other) != tensors_sha256({"a": torch.tensor([1.0, 0.0])})


def test_hash_of_tensors_ignores_memory_layout():
    square = torch.arange(6.0).reshape(2, 3)
    assert tensors_sha256({"a": square.T}) == tensors_sha256(
        {"a": square.T.contiguous()}
    )
    assert tensors_sha256({"a": torch.ones(1, dtype=torch.bfloat16)})


def test_metrics_that_are_no_numbers_are_none():
    given = {"a": np.float32(0.5), "b": math.nan, "c": torch.tensor(2), "d": math.inf}
    plain = {"a": 0.5, "b": None, "c": 2.0, "d": None, "e": None}
    assert plain_metrics(given | {"e": [1, 2]}) == plain

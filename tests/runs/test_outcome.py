import hashlib
import math
import os

import numpy as np
import pytest
import torch

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.records.outcome import (
    outcome,
    plain_figures,
    tensors_sha256,
)
from tests.records.builders import record

FIGURES = {"2": {"mIoU": 50.0}, "4": {"mIoU": 60.0}, "10": {"mIoU": 40.0}}


@pytest.fixture
def work_dir(tmp_path):
    for kind, iteration in (("best", 4), ("last", 10)):
        weights = {"a": torch.full((2,), float(iteration))}
        path = tmp_path / f"weights_run0_{kind}.safetensors"
        write_weights(weights, path, {"iter": iteration})
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "val_last.npz").touch()
    return tmp_path


def test_best_figures_are_those_of_the_best_weights(work_dir):
    found = outcome(work_dir, record(validations=FIGURES))
    assert found["metrics"] == {"best": FIGURES["4"], "last": FIGURES["10"]}
    assert found["scores"] == {"best": None, "last": "scores/val_last.npz"}
    assert found["weights"]["best"].keys() == {"path", "sha256"}
    assert found["weights"]["last"]["path"] == "weights_run0_last.safetensors"
    assert found["teacher"] is None


def test_files_of_an_earlier_run_are_not_this_ones(work_dir):
    old = work_dir / "weights_run0_best.safetensors"
    os.utime(old, (1e9, 1e9))  # before it began
    found = outcome(work_dir, record(validations=FIGURES))
    assert found["weights"]["best"] is None
    assert found["metrics"]["best"] is None
    resumed = outcome(work_dir, record(validations=FIGURES, resumed=True))
    assert resumed["metrics"]["best"] == FIGURES["4"]


def test_checkpoints_of_the_host_stand_in_for_an_export(tmp_path):
    for name, iteration in (("best_mIoU_iter_2.pth", 2), ("iter_4.pth", 4)):
        state = {"a": torch.ones(1)}
        meta = {"iter": iteration}
        torch.save({"state_dict": state, "meta": meta}, tmp_path / name)
    found = outcome(tmp_path, record(validations=FIGURES))
    paths = {kind: found["weights"][kind]["path"] for kind in ("best", "last")}
    assert paths == {"best": "best_mIoU_iter_2.pth", "last": "iter_4.pth"}
    assert found["metrics"]["best"] == FIGURES["2"]


def test_damaged_weights_are_no_weights(work_dir):
    (work_dir / "weights_run0_last.safetensors").write_bytes(b"\0")
    found = outcome(work_dir, record(validations=FIGURES))
    assert found["weights"]["last"] is None


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
def test_hash_of_tensors_tells_what_differs(other):
    assert tensors_sha256(other) != tensors_sha256({"a": torch.tensor([1.0, 0.0])})


def test_hash_of_tensors_knows_no_memory_layout():
    square = torch.arange(6.0).reshape(2, 3)
    assert tensors_sha256({"a": square.T}) == tensors_sha256(
        {"a": square.T.contiguous()}
    )
    assert tensors_sha256({"a": torch.ones(1, dtype=torch.bfloat16)})


def test_figures_that_are_no_numbers_are_none():
    given = {"a": np.float32(0.5), "b": math.nan, "c": torch.tensor(2), "d": math.inf}
    plain = {"a": 0.5, "b": None, "c": 2.0, "d": None, "e": None}
    assert plain_figures(given | {"e": [1, 2]}) == plain

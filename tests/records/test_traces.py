from pathlib import Path

import pytest
import torch

from mmseg_splashkd.records.record import Attempt
from mmseg_splashkd.records.traces import (
    begins_again,
    how_to_go_on,
    resumable,
    trace_of_run,
)
from tests.records.builders import leave_run


def checkpoint(work_dir: Path, **content) -> Path:
    path = work_dir / "iter_2.pth"
    state = {"state_dict": {"w": torch.zeros(1)}, "meta": {}, "optimizer": {}}
    torch.save(state | content, path)
    (work_dir / "last_checkpoint").write_text(str(path))
    return path


@pytest.mark.parametrize(
    "left",
    [
        "last_checkpoint",
        "iter_4.pth",
        "epoch_1.pth",
        "best_mIoU_iter_4.pth",
        "weights_run_best.safetensors",
        "scores/val_last.npz",
        "20240101_000000/vis_data/scalars.json",
    ],
)
def test_each_output_of_a_run_is_a_trace(tmp_path, left):
    assert trace_of_run(tmp_path) is None
    (tmp_path / left).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / left).touch()
    assert trace_of_run(tmp_path) == left


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"status": "failed", "iteration": 3, "reason": "x"},
            "failed at iteration 3: x",
        ),
        ({"status": "finished", "iteration": 6}, "finished at iteration 6"),
        ({"status": "killed", "iteration": 0}, "killed at iteration 0"),
        ({"status": "running", "hostname": "elsewhere"}, "running at iteration 0"),
        ({"status": "failed", "iteration": 0}, None),  # before its first step
        ({"status": "stopped", "iteration": 0}, None),
    ],
)
def test_record_is_a_trace_unless_no_step_was_made(tmp_path, changes, words):
    work_dir = leave_run(tmp_path, **changes)
    (work_dir / "output.log").touch()
    assert trace_of_run(work_dir) == (words and f"run0, {words}")


def test_run_that_a_failed_start_resumed_is_a_trace(tmp_path):
    attempts = (Attempt("1", "", "stopped", iteration=4),)
    work_dir = leave_run(tmp_path, status="failed", iteration=0, attempts=attempts)
    assert trace_of_run(work_dir) is not None


def test_damaged_record_is_no_reason_to_overwrite(tmp_path):
    work_dir = leave_run(tmp_path)
    (work_dir / "run.json").write_text("{")
    assert "not recorded" in (trace_of_run(work_dir) or "")


def test_folder_that_does_not_exist_holds_nothing(tmp_path):
    assert trace_of_run(tmp_path / "run") is None
    assert resumable(tmp_path / "run") is None


def test_only_a_whole_checkpoint_is_resumed(tmp_path):
    path = checkpoint(tmp_path)
    assert resumable(tmp_path) == path
    assert how_to_go_on(tmp_path) == "--resume continues from iter_2.pth"
    path.write_bytes(path.read_bytes()[:100])
    assert resumable(tmp_path) is None
    told = how_to_go_on(tmp_path)
    assert told.startswith("it left no checkpoint to resume: remove ")
    assert f"remove {str(tmp_path)!r} to begin again there" in told
    checkpoint(tmp_path)
    path.unlink()
    assert resumable(tmp_path) is None


@pytest.mark.parametrize(
    ("status", "saved", "told"),
    [
        ("finished", True, "--resume with a larger train_cfg.max_iters trains on"),
        ("killed", True, "--resume continues from iter_2.pth"),
        ("killed", False, "--resume begins it again, since it left no checkpoint"),
        ("stopped", False, "--resume begins it again, since it left no checkpoint"),
        ("failed", False, "--resume begins it again, since it left no checkpoint"),
        ("finished", False, "it left no checkpoint to resume: remove "),
    ],
)
def test_what_to_do_depends_on_the_end_of_the_run(tmp_path, status, saved, told):
    work_dir = leave_run(tmp_path, status=status, iteration=2)
    if saved:
        checkpoint(work_dir)
    assert how_to_go_on(work_dir).startswith(told)
    assert begins_again(work_dir) == ("begins" in told)


def test_a_failed_run_with_weights_does_not_begin_again(tmp_path):
    work_dir = leave_run(tmp_path, status="failed", iteration=2)
    (work_dir / "weights_run0_best.safetensors").touch()
    assert not begins_again(work_dir)


def test_a_run_with_a_damaged_checkpoint_does_not_begin_again(tmp_path):
    work_dir = leave_run(tmp_path, status="killed", iteration=2)
    checkpoint(work_dir).write_bytes(b"torn")
    assert not begins_again(work_dir)

from pathlib import Path

import pytest
import torch

from mmseg_splashkd.records.record import RunRecord
from mmseg_splashkd.records.store import write_record
from mmseg_splashkd.runs import train_once as module
from mmseg_splashkd.runs.train_once import (
    can_resume,
    is_trained,
    train_once,
)


def write_checkpoint(work_dir: Path, iteration: int, **content) -> Path:
    path = work_dir / f"iter_{iteration}.pth"
    meta = {"iter": iteration}
    state = {"state_dict": {"w": torch.zeros(1)}, "meta": meta, "optimizer": {}}
    torch.save(state | content, path)
    (work_dir / "last_checkpoint").write_text(str(path))
    return path


def test_a_whole_checkpoint_of_the_run(tmp_path):
    assert not can_resume(tmp_path, 4)
    write_checkpoint(tmp_path, 2)
    assert can_resume(tmp_path, 4)
    assert can_resume(tmp_path, 2)  # killed in its last validation, made up for
    assert not can_resume(tmp_path, 1)  # of a longer run


def test_a_loop_of_epochs_ends_at_the_iteration_in_the_record(tmp_path):
    path = write_checkpoint(tmp_path, 4)
    path = path.rename(tmp_path / "epoch_1.pth")
    (tmp_path / "last_checkpoint").write_text(str(path))
    assert not can_resume(tmp_path, None)  # of unknown length
    for iterations, resumes in ((8, True), (4, True), (3, False)):
        write_record(tmp_path, RunRecord("1", "run", "running", iterations=iterations))
        assert can_resume(tmp_path, None) is resumes


def test_a_damaged_checkpoint_is_not_resumed(tmp_path):
    path = write_checkpoint(tmp_path, 2)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert not can_resume(tmp_path, 4)
    path.write_bytes(b"")
    assert not can_resume(tmp_path, 4)
    path.unlink()  # mmengine removes the last one before it writes the next
    assert not can_resume(tmp_path, 4)


def test_weights_alone_are_not_resumed(tmp_path):
    path = write_checkpoint(tmp_path, 2)
    torch.save({"state_dict": {}, "meta": {}}, path)
    assert not can_resume(tmp_path, 4)


@pytest.fixture
def calls(monkeypatch) -> list[dict]:
    made: list[dict] = []
    cfg = {"train_cfg": {"max_iters": 4}}
    monkeypatch.setattr(module, "read_config", lambda *_: cfg)
    monkeypatch.setattr(module, "train", lambda *_, **options: made.append(options))
    return made


def test_a_run_that_cannot_be_resumed_is_cleared_except_its_log(tmp_path, calls):
    write_checkpoint(tmp_path, 2).write_bytes(b"torn")
    for name in ("output.log", "weights_old_last.safetensors", "best_m_iter_2.pth"):
        (tmp_path / name).touch()
    train_once("config.py", tmp_path, "run", {})
    assert [path.name for path in tmp_path.iterdir()] == ["output.log"]
    given = {"cfg_options": {}, "name": "run"}
    assert calls == [{"resume": False, "restart": True, **given}]


def test_a_run_is_resumed_and_not_repeated(tmp_path, calls):
    write_checkpoint(tmp_path, 2)
    train_once("config.py", tmp_path, "run", {})
    assert calls[0]["resume"]
    write_record(tmp_path, RunRecord("1", "run", "running"))
    assert not is_trained(tmp_path)
    write_record(tmp_path, RunRecord("1", "run", "finished"))
    train_once("config.py", tmp_path, "run", {})
    assert len(calls) == 1

from pathlib import Path

import pytest
import torch

from mmseg_splashkd.sweep import train_once as module
from mmseg_splashkd.sweep.train_once import can_resume, is_trained, train_once


def write_checkpoint(work_dir: Path, iteration: int, **content) -> Path:
    path = work_dir / f"iter_{iteration}.pth"
    state = {"state_dict": {"w": torch.zeros(1)}, "meta": {}, "optimizer": {}}
    torch.save(state | content, path)
    (work_dir / "last_checkpoint").write_text(str(path))
    return path


def test_a_whole_checkpoint_from_before_the_end(tmp_path):
    assert not can_resume(tmp_path, 4)
    write_checkpoint(tmp_path, 2)
    assert can_resume(tmp_path, 4)
    assert not can_resume(tmp_path, 2)  # killed in its last validation


def test_what_a_kill_in_the_middle_of_writing_leaves(tmp_path):
    path = write_checkpoint(tmp_path, 2)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert not can_resume(tmp_path, 4)
    path.write_bytes(b"")
    assert not can_resume(tmp_path, 4)
    path.unlink()  # the host removes the last one before it writes the next
    assert not can_resume(tmp_path, 4)


def test_weights_alone_are_not_resumed(tmp_path):
    path = write_checkpoint(tmp_path, 2)
    torch.save({"state_dict": {}, "meta": {}}, path)
    assert not can_resume(tmp_path, 4)


@pytest.fixture
def calls(monkeypatch) -> list[dict]:
    made: list[dict] = []
    monkeypatch.setattr(module, "train", lambda *_, **options: made.append(options))
    return made


def test_what_cannot_be_gone_on_with_is_cleared_but_for_logs(tmp_path, calls):
    write_checkpoint(tmp_path, 2).write_bytes(b"torn")
    for name in ("output.log", "weights_old_last.safetensors", "best_m_iter_2.pth"):
        (tmp_path / name).touch()
    train_once("config.py", tmp_path, "run", {}, 4)
    assert [path.name for path in tmp_path.iterdir()] == ["output.log"]
    assert calls == [{"resume": False, "cfg_options": {}, "name": "run"}]


def test_a_run_is_gone_on_with_and_not_repeated(tmp_path, calls):
    write_checkpoint(tmp_path, 2)
    train_once("config.py", tmp_path, "run", {}, 4)
    assert calls[0]["resume"]
    (tmp_path / "run.json").write_text('{"id": "1", "how": "running"}')
    assert not is_trained(tmp_path)
    (tmp_path / "run.json").write_text('{"id": "1", "how": "finished"}')
    train_once("config.py", tmp_path, "run", {}, 4)
    assert len(calls) == 1

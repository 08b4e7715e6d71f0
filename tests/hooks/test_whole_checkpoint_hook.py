"""Runs that are cut off at any operation on files are resumed to the same end."""

import os
import shutil
import signal
import stat
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import CheckpointHook
from torch import Tensor

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.hooks.held_signals import held_signals
from mmseg_splashkd.hooks.whole_checkpoint_hook import WholeCheckpointHook
from mmseg_splashkd.records.traces import find_resumable, resumable
from mmseg_splashkd.runs.runner import SafeRunner
from tests.hooks.small_runs import small_run
from tests.models.builders import build, fcn
from tests.runs.crashes import crashing, interrupt_saves

STEPS = 3
HOOKS = ("NoteValidationHook", "FrameScoresHook", "ExportWeightsHook")
HOOKS += ("MadeUpValidationHook",)
BEST = "OperatingPoint.Dice"


def run(work_dir: Path, resume: bool = False, steps: int = STEPS, **given: Any) -> Any:
    """A runner of ``STEPS`` iterations or epochs, each validated."""
    torch.manual_seed(0)
    model = build(fcn(auxiliary=False))
    options = {"steps": steps, "validates": True, "hooks": HOOKS, "best": BEST} | given
    runner = small_run(model, work_dir, runner=SafeRunner, resume=resume, **options)
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook):
            hook.max_keep_ckpts = 1
    return runner


def weights(path: Path) -> dict[str, Tensor]:
    return read_checkpoint(path)["state_dict"]


def outcome(work_dir: Path) -> dict[str, Any]:
    """What a run leaves for its user."""
    found: dict[str, Any] = {}
    for kind in ("best", "last"):
        (path,) = work_dir.glob(f"weights_*_{kind}.safetensors")
        content = read_checkpoint(path)
        scores = load_scores(work_dir / "scores" / f"val_{kind}.npz")
        found[kind] = content["state_dict"], content["meta"], scores.confusion
    found["files"] = sorted(p.name for p in work_dir.glob("*.pth"))
    return found


def assert_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one["files"] == other["files"]
    for kind in ("best", "last"):
        assert one[kind][1] == other[kind][1]  # iteration and operating point
        assert (one[kind][2] == other[kind][2]).all()
        for name, value in one[kind][0].items():
            assert torch.equal(value, other[kind][0][name]), (kind, name)


@pytest.fixture(scope="module", params=[False, True], ids=["iterations", "epochs"])
def uninterrupted(request, tmp_path_factory) -> tuple[bool, dict, int]:
    """Outcome of a run, and the operations of its steps."""
    work_dir = tmp_path_factory.mktemp("whole") / "run"
    runner = run(work_dir, by_epoch=request.param)
    with crashing(work_dir) as counter:
        runner.train()
    return request.param, outcome(work_dir), counter.count


def crashed(tmp_path: Path, by_epoch: bool, at: int) -> None:
    runner = run(tmp_path / "run", by_epoch=by_epoch)
    with crashing(tmp_path / "run", at):
        runner.train()


@pytest.mark.parametrize("part", range(12))
def test_a_run_that_is_cut_off_anywhere_ends_as_an_uninterrupted_one(
    uninterrupted, part, tmp_path
):
    by_epoch, expected, operations = uninterrupted
    at = 1 + part * operations // 12
    crashed(tmp_path, by_epoch, at)
    resumed = run(tmp_path / "run", resume=True, by_epoch=by_epoch)
    resumed.train()
    assert_equal(outcome(tmp_path / "run"), expected)


@pytest.fixture
def cut_off(tmp_path) -> Path:
    """Folder of a run of which two of three iterations were made."""
    run(tmp_path / "run", steps=2).train()
    return tmp_path / "run"


def test_one_flipped_bit_is_noticed_and_an_older_checkpoint_taken(cut_off, capsys):
    whole = shutil.copy(cut_off / "iter_2.pth", cut_off / "iter_1.pth")
    content = bytearray((cut_off / "iter_2.pth").read_bytes())
    tensor = weights(Path(whole))["decode_head.conv_seg.weight"]
    at = content.find(tensor.numpy().tobytes())
    assert at > 0
    content[at + 1] ^= 1
    (cut_off / "iter_2.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"iter_2.pth is damaged .*checksum of"):
        read_checkpoint(cut_off / "iter_2.pth")
    found = find_resumable(cut_off)
    assert found == (cut_off / "iter_1.pth", (cut_off / "iter_2.pth",))
    run(cut_off, resume=True).load_or_resume()
    told = capsys.readouterr().out
    assert "iter_2.pth is damaged or not whole: it is passed over" in told


def test_the_pointer_is_relative_and_a_moved_folder_is_resumed(cut_off, tmp_path):
    assert (cut_off / "last_checkpoint").read_text() == "iter_2.pth"
    moved = cut_off.rename(tmp_path / "moved")
    run(moved, resume=True).train()
    assert (moved / "iter_3.pth").is_file()
    assert not cut_off.exists()


@pytest.mark.parametrize("pointer", ["iter_2.pth", "{original}/iter_2.pth"])
def test_a_copied_folder_never_touches_the_original(cut_off, tmp_path, pointer):
    text = pointer.format(original=cut_off)  # absolute, as mmengine writes it
    (cut_off / "last_checkpoint").write_text(text)
    copy = shutil.copytree(cut_off, tmp_path / "copy")
    before = {p: p.stat().st_mtime_ns for p in cut_off.rglob("*")}
    assert resumable(copy) == copy / "iter_2.pth"
    run(copy, resume=True, steps=4).train()
    assert {p: p.stat().st_mtime_ns for p in cut_off.rglob("*")} == before
    (copy / "iter_4.pth").unlink()
    assert resumable(copy) is None  # and not that of the original


def test_what_a_killed_run_left_is_removed(cut_off):
    left = ["best_OperatingPoint.Dice_iter_9.pth", ".iter_2.7.partial.pth"]
    left += ["iter_1.pth", "scores/.val_last.7.partial.npz"]
    for name in left:
        (cut_off / name).write_bytes(b"left")
    (cut_off / "iter_9.pth").write_bytes(b"newer, and damaged")
    runner = run(cut_off, resume=True)
    runner.train()
    assert [name for name in left if (cut_off / name).exists()] == []
    assert (cut_off / "iter_9.pth").is_file()


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_weights_are_readable_by_whom_other_new_files_are(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        run(tmp_path / "run", steps=1).train()
    finally:
        os.umask(before)
    paths = [*(tmp_path / "run").glob("*.pth"), *(tmp_path / "run").glob("*.safetens*")]
    assert len(paths) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {mode}


def test_mmengine_s_hook_is_replaced_and_a_subclass_is_not(tmp_path):
    class OwnHook(CheckpointHook):
        pass

    runner = run(tmp_path / "run")
    kinds = [type(hook) for hook in runner.hooks if isinstance(hook, CheckpointHook)]
    assert kinds == [WholeCheckpointHook]
    runner.register_custom_hooks(
        [{"type": OwnHook}, {"type": "mmengine.CheckpointHook"}]
    )
    kinds = [type(hook) for hook in runner.hooks if isinstance(hook, CheckpointHook)]
    assert sorted(map(str, kinds)) == sorted(
        map(str, [WholeCheckpointHook, WholeCheckpointHook, OwnHook])
    )


@pytest.mark.usefixtures("default_signals")
def test_a_signal_is_delivered_after_the_context():
    arrived: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: arrived.append(number))
    try:
        with held_signals():
            signal.raise_signal(signal.SIGUSR1)
            assert arrived == []
        assert arrived == [signal.SIGUSR1]
        assert signal.getsignal(signal.SIGUSR1) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.usefixtures("default_signals")
def test_ctrl_c_in_a_save_leaves_it_whole(tmp_path, monkeypatch):
    runner = run(tmp_path / "run")
    interrupt_saves(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    assert resumable(tmp_path / "run") == tmp_path / "run" / "iter_1.pth"
    assert (tmp_path / "run" / "last_checkpoint").read_text() == "iter_1.pth"

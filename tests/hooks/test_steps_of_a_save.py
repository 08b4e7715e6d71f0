"""A save of a checkpoint and of best ones that is cut off at each of its steps."""

import copy
import logging
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.runner import Runner

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.hooks.whole_checkpoint_hook import ASIDE, WholeCheckpointHook
from mmseg_splashkd.records.checkpoints import newest_first
from mmseg_splashkd.records.traces import find_resumable
from mmseg_splashkd.runs.runner import SafeRunner
from mmseg_splashkd.unwritable import UnwritableError
from tests.hooks.small_runs import small_run
from tests.models.builders import build, fcn
from tests.runs.crashes import crashing, interrupt_saves

LOGGER = logging.getLogger("steps of a save")


class Saves:
    """A run of two iterations, whose third may be saved again and again."""

    def __init__(self, work_dir: Path, keep: int, best: Any) -> None:
        self.work_dir, self.keep, self.best = work_dir, keep, best
        torch.manual_seed(0)
        given: Any = {"runner": SafeRunner, "validates": True, "best": best}
        self.runner: Any = small_run(build(fcn(auxiliary=False)), work_dir, **given)
        (self.hook,) = (h for h in self.runner.hooks if is_whole(h))
        self.hook.max_keep_ckpts = keep
        self.runner.train()
        self.runner.train_loop._iter = 3
        self.before = copy.deepcopy(self._state())
        self.copy = shutil.copytree(work_dir, work_dir.with_name("before"))

    def _state(self) -> dict[str, Any]:
        names = ("keep_ckpt_ids", "last_ckpt", "best_ckpt_path", "best_ckpt_path_dict")
        hook = {name: getattr(self.hook, name, None) for name in names}
        return {"hook": hook, "hub": dict(self.runner.message_hub.runtime_info)}

    def restore(self) -> None:
        """The state after iteration 2."""
        shutil.rmtree(self.work_dir)
        shutil.copytree(self.copy, self.work_dir)
        state, hub = copy.deepcopy(self.before), self.runner.message_hub
        vars(self.hook).update(state["hook"])
        hub.runtime_info.clear()
        hub.runtime_info.update(state["hub"])

    def save(self, value: float = 101.0) -> None:
        """Save iteration 3, with better weights than any before."""
        meta = {"epoch": 0, "iter": 3}
        self.hook._save_checkpoint_with_step(self.runner, 3, meta)
        self.hook._save_best_checkpoint(self.runner, {"mIoU": value, "aAcc": value})

    def resume(self) -> dict[str, Any]:
        """What a resumed run knows of its files, after it has removed the others."""
        hub = MessageHub(f"resumed {self.work_dir}")
        newest = newest_first(self.work_dir)[0]
        hub.load_state_dict(read_checkpoint(newest)["message_hub"])
        given: Any = {"max_keep_ckpts": self.keep, "save_best": self.best}
        hook = WholeCheckpointHook(1, by_epoch=False, rule="greater", **given)
        names = {"work_dir": str(self.work_dir), "message_hub": hub, "iter": 3}
        runner: Any = SimpleNamespace(**names, logger=LOGGER)
        hook.before_train(runner)
        return dict(hub.runtime_info)


def is_whole(hook: Any) -> bool:
    return isinstance(hook, WholeCheckpointHook)


@pytest.fixture(
    scope="module",
    params=[(1, ["mIoU", "aAcc"]), (-1, None)],
    ids=["one and two best", "all"],
)
def saves(request, tmp_path_factory) -> Saves:
    return Saves(tmp_path_factory.mktemp("saves") / "run", *request.param)


def test_each_step_leaves_a_checkpoint_and_all_that_it_names(saves):
    saves.restore()
    with crashing(saves.work_dir) as counter:
        saves.save()
    assert counter.count > 5
    for at in range(1, counter.count + 1):
        saves.restore()
        with crashing(saves.work_dir, at):
            saves.save()
        pointer = (saves.work_dir / "last_checkpoint").read_text()
        assert (saves.work_dir / pointer).is_file()
        info = saves.resume()  # from the newest, which is whole
        named = {Path(v).name for k, v in info.items() if k.startswith("best_ckpt")}
        last = int(Path(info["last_ckpt"]).stem.removeprefix("iter_"))
        kept = info.get("keep_ckpt_ids", range(1, last + 1))
        named |= {f"iter_{step}.pth" for step in kept}
        left = {p.name for p in saves.work_dir.iterdir() if p.suffix != ".py"}
        left -= {p.name for p in saves.work_dir.glob("20*")}
        assert left - {"last_checkpoint"} == named, at
        for name in named:
            with zipfile.ZipFile(saves.work_dir / name) as archive:
                assert archive.testzip() is None, (at, name)


@pytest.fixture
def one(tmp_path) -> Saves:
    return Saves(tmp_path / "run", 1, "mIoU")


def info_of(path: Path) -> dict[str, Any]:
    return read_checkpoint(path)["message_hub"]["runtime_info"]


def test_a_new_best_checkpoint_of_the_same_name_stays(one):
    """Epochs of a loop by iteration, mmengine's default, give all the same name."""
    one.save(101.0)
    one.save(102.0)
    best = one.work_dir / "best_mIoU_iter_3.pth"
    assert info_of(best)["best_score"] == 102.0
    one.resume()
    assert best.is_file()


def test_checkpoints_name_others_without_their_folder(one):
    one.save()
    info = info_of(one.work_dir / "iter_3.pth")
    assert info["last_ckpt"] == "iter_3.pth"
    assert info["best_ckpt"] == "best_mIoU_iter_3.pth"
    now = one.runner.message_hub.runtime_info
    assert now["best_ckpt"] == str(one.work_dir / "best_mIoU_iter_3.pth")


def test_a_copy_by_hard_links_leaves_the_original_as_it_is(one):
    names = ("last_checkpoint", "iter_2.pth")
    linked = [one.work_dir.with_name(f"{name}.linked") for name in names]
    for name, link in zip(names, linked, strict=True):
        os.link(one.work_dir / name, link)
    before = [link.read_bytes() for link in linked]
    meta = {"epoch": 0, "iter": 2}
    one.hook._save_checkpoint_with_step(one.runner, 2, meta)  # again, as after a best
    assert [link.read_bytes() for link in linked] == before
    for name, link in zip(names, linked, strict=True):
        assert not (one.work_dir / name).samefile(link)


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Names of files that are opened to be written."""
    names: list[str] = []
    listening = [True]

    def listen(event: str, arguments: tuple) -> None:
        if event == "open" and listening and "w" in str(arguments[1]):
            names.append(Path(str(arguments[0])).name)

    sys.addaudithook(listen)
    yield names
    listening.clear()


def test_files_are_whole_with_a_local_backend_by_name(one, opened):
    one.hook.backend_args = {"backend": "local"}
    one.save()
    in_place = {name for name in opened if name.endswith(".pth") and name[0] != "."}
    assert in_place == set()
    assert not (one.work_dir / ASIDE).exists()
    assert (one.work_dir / "last_checkpoint").read_text() == "iter_3.pth"


def test_files_of_the_user_stay(one):
    names = ["best_teacher.pth", "best_mIoU_iter_1-0a1b2c3d.pth"]  # one is published
    for name in names:
        (one.work_dir / name).touch()
    one.resume()
    assert [n for n in names if not (one.work_dir / n).exists()] == []


def test_pointer_leads_out_of_a_folder_that_is_a_link(one, tmp_path):
    link = tmp_path / "home" / "run"
    link.parent.mkdir()
    link.symlink_to(one.work_dir)
    one.runner._work_dir, one.hook.out_dir = str(link), str(tmp_path / "home" / "out")
    one.hook._save_checkpoint_with_step(one.runner, 3, {"epoch": 0, "iter": 3})
    (one.work_dir / "iter_2.pth").unlink(missing_ok=True)
    assert find_resumable(link) == (tmp_path / "home" / "out" / "iter_3.pth", ())
    assert not Path((link / "last_checkpoint").read_text()).is_absolute()


@pytest.mark.usefixtures("default_signals")
def test_a_signal_in_any_save_is_held(one, monkeypatch):
    """Also where a hook of another writes a checkpoint."""
    interrupt_saves(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        one.runner.save_checkpoint(one.runner.work_dir, "other.pth")
    assert read_checkpoint(one.work_dir / "other.pth")["state_dict"]


def test_no_whole_checkpoint_is_an_error_and_no_new_beginning(one):
    (one.work_dir / "iter_2.pth").write_bytes(b"torn")
    runner: Runner = small_run(
        one.runner.model, one.work_dir, runner=SafeRunner, resume=True
    )
    with pytest.raises(ValueError, match=r"nothing to resume .*Remove them to begin"):
        runner.load_or_resume()


def test_a_drive_that_takes_no_folder_is_named(one, monkeypatch):
    def refuse(path: Path, *_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UnwritableError, match="cannot be written: its drive is read"):
        one.save()
    assert find_resumable(one.work_dir) == (one.work_dir / "iter_2.pth", ())

"""Checkpoints that a killed run had replaced, but not yet removed."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mmengine.logging import MessageHub

from mmseg_splashkd.hooks.whole_checkpoint_hook import REPLACED, WholeCheckpointHook


@pytest.fixture
def hub() -> MessageHub:
    return MessageHub("replaced checkpoints")


def test_a_file_is_removed_after_the_checkpoint_that_names_it(tmp_path, hub):
    removals = WholeCheckpointHook(interval=2)._removals
    removals.hub = hub
    old = tmp_path / "iter_2.pth"
    old.touch()
    with removals:
        removals.remove(str(old))
        assert hub.get_info(REPLACED) == ["iter_2.pth"]
        assert old.exists()
    assert not old.exists()


def test_a_failed_save_keeps_the_old_checkpoint(tmp_path, hub):
    removals = WholeCheckpointHook(interval=2)._removals
    removals.hub = hub
    (tmp_path / "iter_2.pth").touch()
    with pytest.raises(OSError, match="full"):
        save_on_a_full_drive(removals, tmp_path / "iter_2.pth")
    assert (tmp_path / "iter_2.pth").exists()


def save_on_a_full_drive(removals: Any, replaced: Path) -> None:
    with removals:
        removals.remove(replaced)
        raise OSError("full")


def test_a_resumed_run_removes_those_only(tmp_path, hub):
    for step in (1, 2, 4):  # the first from a time in which all were kept
        (tmp_path / f"iter_{step}.pth").touch()
    hub.update_info(REPLACED, ["iter_2.pth", "iter_0.pth"])
    logger = logging.getLogger("replaced checkpoints")
    runner: Any = SimpleNamespace(
        message_hub=hub, work_dir=str(tmp_path), logger=logger
    )
    WholeCheckpointHook(interval=2, max_keep_ckpts=1)._clean(runner, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "iter_1.pth",
        "iter_4.pth",
    ]

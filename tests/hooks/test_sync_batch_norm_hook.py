from types import SimpleNamespace
from typing import Any

from torch import nn

from mmseg_splashkd.hooks import sync_batch_norm_hook as hooks
from mmseg_splashkd.hooks.sync_batch_norm_hook import SyncBatchNormHook


def after_step(model: nn.Module, world_size: int) -> None:
    runner: Any = SimpleNamespace(model=model, world_size=world_size)
    SyncBatchNormHook().after_train_iter(runner, 0)


def test_statistics_of_plain_batch_norm_are_averaged(monkeypatch):
    reduced = []
    monkeypatch.setattr(
        hooks, "all_reduce", lambda data, op: reduced.append((data, op))
    )
    plain, synchronised = nn.BatchNorm2d(2), nn.SyncBatchNorm(2)
    untracked = nn.BatchNorm2d(2, track_running_stats=False)
    after_step(nn.Sequential(plain, synchronised, untracked), world_size=2)
    assert [op for _, op in reduced] == ["mean", "mean"]
    assert reduced[0][0] is plain.running_mean
    assert reduced[1][0] is plain.running_var


def test_one_process_reduces_nothing(monkeypatch):
    monkeypatch.setattr(hooks, "all_reduce", None)
    after_step(nn.BatchNorm2d(2), world_size=1)

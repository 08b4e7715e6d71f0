from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from mmseg_splashkd.engine import hooks
from mmseg_splashkd.engine.hooks import IterationSeedHook, SyncBatchNormHook


def fake_runner(**attributes: object) -> Any:
    return SimpleNamespace(**attributes)


def test_randomness_of_an_iteration_is_a_function_of_seed_rank_and_iteration():
    def draw(seed: int, rank: int, iteration: int) -> float:
        torch.rand(3)  # whatever was drawn before
        runner = fake_runner(seed=seed, rank=rank, iter=iteration)
        IterationSeedHook().before_train_iter(runner, 0)
        return torch.rand(1).item()

    assert draw(0, 0, 7) == draw(0, 0, 7)
    others = {draw(1, 0, 7), draw(0, 1, 7), draw(0, 0, 8), draw(7, 0, 0)}
    assert len(others | {draw(0, 0, 7)}) == 5


def test_plain_statistics_are_averaged_and_synchronised_ones_left(monkeypatch):
    reduced = []
    monkeypatch.setattr(
        hooks, "all_reduce", lambda data, op: reduced.append((data, op))
    )
    plain, synchronised = nn.BatchNorm2d(2), nn.SyncBatchNorm(2)
    model = nn.Sequential(
        plain, synchronised, nn.BatchNorm2d(2, track_running_stats=False)
    )
    SyncBatchNormHook().after_train_iter(fake_runner(model=model, world_size=2), 0)
    assert [op for _, op in reduced] == ["mean", "mean"]
    assert reduced[0][0] is plain.running_mean
    assert reduced[1][0] is plain.running_var


def test_one_process_reduces_nothing(monkeypatch):
    monkeypatch.setattr(hooks, "all_reduce", None)
    runner = fake_runner(model=nn.BatchNorm2d(2), world_size=1)
    SyncBatchNormHook().after_train_iter(runner, 0)

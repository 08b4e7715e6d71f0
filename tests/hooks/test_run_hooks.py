from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.logging import MessageHub
from torch import nn

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.hooks import run_hooks as hooks
from mmseg_splashkd.hooks.run_hooks import (
    ExportWeightsHook,
    IterationSeedHook,
    SyncBatchNormHook,
)


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


class Run:
    """A run as far as the export sees it, in a folder."""

    def __init__(self, folder: Path, iteration: int) -> None:
        self.work_dir = str(folder)
        self.iter = iteration
        self.message_hub = MessageHub(f"{folder}_{iteration}")
        dataset = SimpleNamespace(metainfo={"classes": ("water", "splash")})
        self.train_dataloader = SimpleNamespace(dataset=dataset)

    def saves(self, which: str, iteration: int, point: dict | None = None) -> None:
        path = Path(self.work_dir, f"{which}_{iteration}.pth")
        meta = {"iter": iteration, "run": "mine", "operating_point": point}
        weights = {"weight": torch.full((2,), float(iteration))}
        torch.save({"state_dict": weights, "meta": meta}, path)
        self.message_hub.update_info(f"{which}_ckpt", str(path))

    def chooses(self, iteration: int) -> dict:
        point = {"class": "splash", "threshold": 0.25, "iteration": iteration}
        self.message_hub.update_info("operating_point", point)
        return point

    def exported(self, which: str) -> dict:
        return read_checkpoint(Path(self.work_dir, f"weights_mine_{which}.safetensors"))


@pytest.fixture
def kept(monkeypatch) -> list:
    """Where scores of a validation were kept as the best."""
    calls: list = []
    monkeypatch.setattr(hooks, "keep_best", calls.append)
    return calls


def validate(hook: ExportWeightsHook, run: Run) -> None:
    hook.after_val_epoch(run)  # type: ignore[arg-type]


def step(hook: ExportWeightsHook, run: Run) -> None:
    hook.after_train_iter(run)  # type: ignore[arg-type]


def test_the_last_weights_get_the_point_that_their_validation_chose(tmp_path, kept):
    run, hook = Run(tmp_path, 2), ExportWeightsHook()
    run.saves("last", 2)
    step(hook, run)
    assert run.exported("last")["meta"]["operating_point"] is None
    point = run.chooses(2)
    validate(hook, run)
    exported = run.exported("last")
    assert exported["meta"]["operating_point"] == point
    assert exported["meta"]["dataset_meta"] == {"classes": ["water", "splash"]}
    assert exported["state_dict"]["weight"].tolist() == [2, 2]
    step(hook, run)
    assert run.exported("last")["meta"]["operating_point"] == point
    assert not kept


def test_a_point_of_other_weights_is_not_theirs(tmp_path, kept):
    run, hook = Run(tmp_path, 2), ExportWeightsHook()
    run.saves("last", 2)
    step(hook, run)
    run.chooses(3)
    validate(hook, run)
    assert run.exported("last")["meta"]["operating_point"] is None


def test_a_resumed_run_keeps_the_point_of_what_it_began_from(tmp_path, kept):
    run, hook = Run(tmp_path, 2), ExportWeightsHook()
    run.saves("last", 2)
    step(hook, run)
    point = run.chooses(2)
    validate(hook, run)
    resumed, hook = Run(tmp_path, 3), ExportWeightsHook()
    resumed.message_hub.update_info("last_ckpt", str(tmp_path / "last_2.pth"))
    step(hook, resumed)
    assert resumed.exported("last")["meta"]["operating_point"] == point
    resumed.saves("last", 4)
    step(hook, resumed)
    assert resumed.exported("last")["meta"]["iter"] == 4
    assert resumed.exported("last")["meta"]["operating_point"] is None


def test_only_scores_of_the_best_weights_are_kept_as_theirs(tmp_path, kept):
    run, hook = Run(tmp_path, 2), ExportWeightsHook()
    run.saves("best", 2, point := run.chooses(2))
    validate(hook, run)
    assert kept == [str(tmp_path)]
    assert run.exported("best")["meta"]["operating_point"] == point
    # Resumed, the first validation is worse: the best is exported, and not its own.
    resumed, hook = Run(tmp_path, 4), ExportWeightsHook()
    resumed.message_hub.update_info("best_ckpt", str(tmp_path / "best_2.pth"))
    resumed.chooses(4)
    validate(hook, resumed)
    assert kept == [str(tmp_path)]
    assert resumed.exported("best")["meta"]["operating_point"] == point

"""Data-loading workers outlive a signal to all processes of a run."""

import os
from typing import Any

import torch
from torch.utils.data import Dataset

from mmseg_splashkd.hooks.held_signals import STOPS
from mmseg_splashkd.runs.runner import SafeRunner
from mmseg_splashkd.runs.worker_signals import Shielded


class Signalled(Dataset):
    """Sends its own process every signal, as Slurm does, and then the number."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        for each in STOPS:
            os.kill(os.getpid(), each)
        return torch.tensor([index, os.getpid()])


def test_workers_outlive_signals_and_end_with_the_loader():
    config: dict[str, Any] = {
        "batch_size": 2,
        "num_workers": 1,
        "collate_fn": {"type": "default_collate"},
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "dataset": Signalled(),
    }
    loader: Any = SafeRunner.build_dataloader(config, seed=0)
    batches = list(loader)
    assert torch.cat(batches)[:, 0].tolist() == [0, 1, 2, 3]
    assert len({int(pid) for pid in torch.cat(batches)[:, 1]}) == 1
    again = SafeRunner.build_dataloader(loader)
    assert again is loader
    assert not isinstance(loader.worker_init_fn.inner, Shielded)


def test_worker_that_hangs_can_be_ended():
    config: dict[str, Any] = {
        "batch_size": 1,
        "num_workers": 1,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "dataset": list(range(4)),
    }
    loader: Any = SafeRunner.build_dataloader(config, seed=0)
    batches = iter(loader)
    next(batches)
    (worker,) = batches._workers
    worker.terminate()
    worker.join(20)
    assert worker.exitcode == 0

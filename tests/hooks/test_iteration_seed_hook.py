from types import SimpleNamespace
from typing import Any

import torch

from mmseg_splashkd.hooks.iteration_seed_hook import IterationSeedHook


def test_random_numbers_depend_on_seed_rank_and_iteration_only():
    def draw(seed: int, rank: int, iteration: int) -> float:
        torch.rand(3)  # whatever was drawn before
        runner: Any = SimpleNamespace(seed=seed, rank=rank, iter=iteration)
        IterationSeedHook().before_train_iter(runner, 0)
        return torch.rand(1).item()

    assert draw(0, 0, 7) == draw(0, 0, 7)
    others = {draw(1, 0, 7), draw(0, 1, 7), draw(0, 0, 8), draw(7, 0, 0)}
    assert len(others | {draw(0, 0, 7)}) == 5

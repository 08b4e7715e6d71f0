"""A resumed adaptation ends with the weights of an uninterrupted one."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.registry import DATASETS

from tests.hooks.small_runs import RandomFrames, small_run
from tests.models.adaptation.test_adaptation_segmentor import METHODS, adapter
from tests.models.builders import fcn, random_batch

HOOKS = ("IterationSeedHook", "DistillLossHook")


@DATASETS.register_module()
class RandomPairs(RandomFrames):
    """The random frames, each with an image of a target."""

    def __init__(self) -> None:
        super().__init__()
        targets = random_batch(seed=9, frames=4)["inputs"]
        for frame, target in zip(self.frames, targets, strict=True):
            frame["data_samples"].set_data({"target": PixelData(data=target)})


def run_of(folder: Path, method: str, steps: int, **options: Any) -> Runner:
    torch.manual_seed(0)
    run: Any = small_run(
        adapter(fcn(), method),
        folder,
        steps,
        hooks=HOOKS,
        optim_wrapper={
            "optimizer": {"type": "AdamW", "lr": 0.01},
            "constructor": "AdaptationOptimConstructor",
        },
        **options,
    )
    run.train_loop.dataloader.dataset.__dict__ = RandomPairs().__dict__
    return run


@pytest.mark.parametrize("method", METHODS)
def test_a_resumed_run_has_the_weights_of_an_uninterrupted_one(tmp_path, method):
    init_default_scope("mmseg")
    whole = run_of(tmp_path / "whole", method, 4)
    whole.train()
    first = run_of(tmp_path / "first", method, 2)
    first.train()
    file = str(tmp_path / "first" / "iter_2.pth")
    again = run_of(tmp_path / "again", method, 4, resume=True, load_from=file)
    again.train()
    for part in ("student", "method"):
        expected = getattr(whole.model, part).state_dict()
        found = getattr(again.model, part).state_dict()
        assert expected.keys() == found.keys()
        for name, value in expected.items():
            assert torch.equal(value, found[name]), (part, name)

"""Two processes on different frames end with one model; this one is rank 0."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from torch import Tensor, distributed

from tests.forks import fork, join
from tests.models.adaptation.test_adaptation_segmentor import (
    METHODS,
    adapter,
    at,
    pair_batch,
)
from tests.models.builders import segformer

ADAMW = {
    "optimizer": {"type": "AdamW", "lr": 0.01},
    "constructor": "AdaptationOptimConstructor",
}
STEPS = 10
# Statistics of a plain batch norm are those of a process, also without an adaptation.
GROUPS: Any = {"norm_cfg": {"type": "GN", "num_groups": 2}}


def _trained(method: str) -> dict[str, Tensor]:
    """Weights and all that the method keeps, after ten steps of this process."""
    model = adapter(segformer(**GROUPS), method)
    wrapped = MMDistributedDataParallel(model, device_ids=None)
    optimizer = build_optim_wrapper(wrapped, ADAMW)
    for iteration in range(STEPS):
        at(iteration)
        torch.manual_seed(iteration)
        seed = 2 * iteration + distributed.get_rank()
        batch = pair_batch(seed=seed, target_seed=100 + seed)
        wrapped.train_step(batch, optimizer)
    parts = {"student": model.student, "method": model.method}
    return {
        f"{part}.{name}": value.detach().clone()
        for part, module in parts.items()
        for name, value in module.state_dict().items()
    }


def _work(rank: int, folder: str) -> dict[str, dict[str, Tensor]]:
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/init", rank=rank, world_size=2
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about DDP on the CPU
            return {method: _trained(method) for method in METHODS}
    finally:
        distributed.destroy_process_group()


def _child(_: int, folder: str) -> None:
    torch.save(_work(1, folder), Path(folder, "1.pt"))


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    init_default_scope("mmseg")
    folder = tmp_path_factory.mktemp("adaptation")
    other = fork(_child, str(folder))
    first = _work(0, str(folder))
    join(other)
    at(0)
    return first, torch.load(folder / "1.pt")


@pytest.mark.parametrize("method", METHODS)
def test_ten_steps_of_two_processes_end_with_equal_weights(two_processes, method):
    first, second = (each[method] for each in two_processes)
    begin: Any = adapter(segformer(**GROUPS), method).student.state_dict()
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    moved = [
        name
        for name, value in begin.items()
        if not value.equal(first["student." + name])
    ]
    assert len(moved) > len(begin) / 2

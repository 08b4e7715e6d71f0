"""Both metrics in two processes, whose last batches are uneven and filled up."""

import json
import os
from pathlib import Path

import pytest
from mmengine.dataset import DefaultSampler
from torch import distributed
from torch.multiprocessing.spawn import spawn
from torch.utils.data import BatchSampler

from mmseg_splashkd.evaluation import CrossEntropyMetric, DiceMetric
from tests.evaluation.helpers import random_frames

SIZES = (5, 7)


def _evaluate(size):
    frames = random_frames(size, num_classes=3)
    dice, cross_entropy = DiceMetric(), CrossEntropyMetric()
    dice.dataset_meta = {"classes": ("water", "net", "splash")}
    sampler = DefaultSampler(frames, shuffle=False, seed=0)
    for batch in BatchSampler(sampler, batch_size=2, drop_last=False):
        for metric in (dice, cross_entropy):
            metric.process({}, [frames[index] for index in batch])
    rows = len(dice.results)
    return rows, {**dice.evaluate(size), **cross_entropy.evaluate(size)}


def _work(rank, folder):
    os.chdir(folder)  # where the host exchanges results
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/init", rank=rank, world_size=2
    )
    results = [_evaluate(size) for size in SIZES]
    Path(folder, f"{rank}.json").write_text(json.dumps(results))
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gloo")
    spawn(_work, args=(str(folder),), nprocs=2)
    ranks = [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]
    return dict(zip(SIZES, zip(*ranks, strict=True), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_two_processes_score_as_one(two_processes, size):
    rows, expected = _evaluate(size)
    assert rows == size
    for rows, actual in two_processes[size]:
        assert rows == (size + 1) // 2  # one frame was processed twice
        assert actual == pytest.approx(expected, abs=1e-12, rel=0, nan_ok=True)

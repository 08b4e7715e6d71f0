"""Both metrics in two processes whose last batch is padded; this one is rank 0."""

import json
import os
from pathlib import Path

import pytest
from mmengine.dataset import DefaultSampler
from torch import distributed
from torch.utils.data import BatchSampler

from mmseg_splashkd.evaluation import CrossEntropyMetric, DiceMetric
from tests.evaluation.helpers import random_frames
from tests.forks import fork, join

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
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/init", rank=rank, world_size=2
    )
    results = [_evaluate(size) for size in SIZES]
    distributed.destroy_process_group()
    return results


def _child(_, folder):
    os.chdir(folder)  # where mmengine exchanges results
    Path(folder, "1.json").write_text(json.dumps(_work(1, folder)))


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gloo")
    other = fork(_child, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        first = _work(0, folder)
    join(other)
    second = json.loads((folder / "1.json").read_text())
    return dict(zip(SIZES, zip(first, second, strict=True), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_two_processes_score_as_one(two_processes, size):
    rows, expected = _evaluate(size)
    assert rows == size
    for rows, actual in two_processes[size]:
        assert rows == (size + 1) // 2  # one frame was processed twice
        assert actual == pytest.approx(expected, abs=1e-12, rel=0, nan_ok=True)

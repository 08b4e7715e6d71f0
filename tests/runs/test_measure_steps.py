"""Steps of real runs, timed in turn; the times themselves are not asserted."""

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.runs import measure_steps as module
from mmseg_splashkd.runs.measure_steps import measure_steps
from tests.conftest import DISTILLED, PLAIN, tiny_run


@pytest.fixture
def plain(pond) -> Config:
    return read_config(PLAIN, tiny_run(pond, "model", iterations=40))


@pytest.fixture
def distilled(distil_options) -> Config:
    return read_config(DISTILLED, distil_options)


@pytest.fixture
def iterations(monkeypatch) -> list[int]:
    """Iterations at which the loops make steps."""
    found = []
    step = module.SteppedLoop.run_iter

    def run_iter(loop, batch):
        found.append(loop.iter)
        step(loop, batch)

    monkeypatch.setattr(module.SteppedLoop, "run_iter", run_iter)
    return found


def test_steps_in_the_middle_of_each_run(plain, distilled, iterations, tmp_path):
    text = plain.pretty_text
    steps, views = measure_steps({"plain": plain, "kd": distilled}, {}, rounds=2)
    assert views == {}
    assert {name: each.iterations for name, each in steps.items()} == {
        "plain": 40,
        "kd": 2,
    }
    for each in steps.values():
        assert 0 < each.seconds.low <= each.seconds.median <= each.seconds.high
    # A warm-up and two rounds, in turn, from the half of each run on.
    assert iterations == [20, 1, 2, 21, 22, 3]
    assert plain.pretty_text == text


def test_epochs_are_as_long_as_their_loader(plain):
    plain.train_cfg = {"type": "EpochBasedTrainLoop", "max_epochs": 3}
    plain.train_dataloader.sampler = {"type": "DefaultSampler", "shuffle": True}
    plain.default_hooks.checkpoint.by_epoch = True
    plain.param_scheduler = None
    steps, _ = measure_steps({"plain": plain}, {}, rounds=1)
    dataset_length = steps["plain"].iterations
    assert dataset_length % 3 == 0
    assert dataset_length > 3

"""Steps of real runs, timed in turn; the times themselves are not asserted."""

import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.evaluation.interleaved import Spread
from mmseg_splashkd.runs import measure_steps as module
from mmseg_splashkd.runs.measure_steps import compared, measure_steps
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


def test_steps_in_the_middle_of_each_run(
    plain, distilled, distil_options, iterations, tmp_path
):
    cache = {"dir": str(tmp_path / "not_built"), "views": 3}
    cached = read_config(DISTILLED, distil_options | {"teacher_cache": cache})
    text = plain.pretty_text
    arms = {"plain": plain, "kd": distilled}
    steps, views = measure_steps(arms, {"cache": cached}, rounds=2)
    frames = DATASETS.build(plain.train_dataloader.dataset)
    assert views["cache"].views == 3 * len(frames)
    assert views["cache"].seconds.low > 0
    assert not (tmp_path / "not_built").exists()
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


def test_a_busy_time_changes_no_ratio():
    # In the second and third of three rounds the machine is four times as slow.
    times = compared({"plain": [1.0, 4.0, 4.0], "kd": [2.0, 8.0, 8.0], "c": [1, 4, 5]})
    assert times["plain"] == Spread(4.0, 4.0, 4.0)
    assert times["kd"] == Spread(8.0, 8.0, 8.0)
    assert times["c"] == Spread(4.0, 4.0, 4.5)

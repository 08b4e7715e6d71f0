"""Workers that load data end with the run, not when garbage is collected."""

import gc
from collections.abc import Callable, Iterator
from multiprocessing import active_children
from types import SimpleNamespace

import pytest
from mmengine.runner.loops import _InfiniteDataloaderIterator
from torch.utils.data import DataLoader

from mmseg_splashkd.runs.end_workers import end_workers
from mmseg_splashkd.runs.test import evaluate
from mmseg_splashkd.runs.train import train
from tests.conftest import BEST, PLAIN, tiny_run

OPTIONS = {"num_workers": 1, "persistent_workers": True}
LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


@pytest.fixture
def workers() -> Iterator[Callable[[], int]]:
    """Counts the processes that a test has started; garbage stays as it is."""
    gc.collect()
    before = active_children()
    gc.disable()
    yield lambda: len([each for each in active_children() if each not in before])
    gc.enable()


def loader() -> DataLoader:
    return DataLoader(range(4), **OPTIONS)  # type: ignore[arg-type] - has all it needs


def test_persistent_workers_end_and_start_again(workers):
    loop = SimpleNamespace(dataloader=loader())
    assert len([*loop.dataloader]) == 4
    assert workers() == 1
    end_workers(loop, None, {"type": "TestLoop"})
    assert workers() == 0
    assert len([*loop.dataloader]) == 4
    end_workers(loop)


def test_workers_of_endless_training_end(workers):
    data = DataLoader(range(4), num_workers=1)  # type: ignore[arg-type]
    loop = SimpleNamespace(dataloader_iterator=_InfiniteDataloaderIterator(data))
    next(loop.dataloader_iterator)
    assert workers() == 1
    end_workers(loop)
    assert workers() == 0


@pytest.mark.slow
def test_a_run_and_a_test_leave_no_worker(pond, workers, tmp_path):
    options = tiny_run(pond, "model")
    options |= {f"{each}.{k}": v for each in LOADERS for k, v in OPTIONS.items()}
    run = train(PLAIN, tmp_path / "run", cfg_options=options)
    assert workers() == 0
    weights = next(run.glob(BEST))
    evaluate(PLAIN, weights, work_dir=tmp_path / "test", cfg_options=options)
    assert workers() == 0

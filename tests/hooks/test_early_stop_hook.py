from pathlib import Path
from typing import Any

import pytest
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.records.store import find_runs, read_record
from mmseg_splashkd.report.experiments.provenance import endings
from mmseg_splashkd.runs.train import train
from mmseg_splashkd.runs.train_once import is_trained
from tests.conftest import PLAIN, tiny_run
from tests.hooks.small_runs import small_run
from tests.models.builders import build, segformer


@HOOKS.register_module()
class StopAtTwo(Hook):
    """Ends a run as ``EarlyStoppingHook`` does."""

    priority = "LOWEST"

    def after_val_epoch(self, runner, metrics=None) -> None:
        if runner.iter >= 2:
            runner.train_loop.stop_training = True


@pytest.mark.parametrize(
    ("interval", "by_epoch"), [(10, False), (1, False), (10, True)]
)
def test_last_weights_are_saved_and_exported(tmp_path, interval, by_epoch):
    hooks = ("StopAtTwo", "EarlyStopHook", "ExportWeightsHook")
    runner = small_run(
        build(segformer()), tmp_path, 9, by_epoch, validates=True, hooks=hooks
    )
    checkpoint: Any
    (checkpoint,) = [h for h in runner.hooks if type(h).__name__ == "CheckpointHook"]
    checkpoint.interval = interval
    runner.train()
    (last,) = tmp_path.glob("weights_*_last.safetensors")
    assert read_checkpoint(last)["meta"]["iter"] == 2
    name = "epoch_1.pth" if by_epoch else "iter_2.pth"
    pointer = Path((tmp_path / "last_checkpoint").read_text())
    assert pointer == tmp_path / name
    assert "optimizer" in read_checkpoint(pointer)


@pytest.fixture(scope="module")
def early(pond, tmp_path_factory) -> Path:
    """A run of 40 iterations that ends at 6."""
    options = tiny_run(pond, "model", iterations=40)
    options["default_hooks.checkpoint.interval"] = 40
    options["default_hooks.early"] = {
        "type": "EarlyStoppingHook",
        "monitor": "aAcc",
        "rule": "greater",
        "stopping_threshold": None,
        "min_delta": 200,
        "patience": 2,
    }
    return train(PLAIN, tmp_path_factory.mktemp("early") / "run", cfg_options=options)


def test_record_log_and_page_say_where_it_stopped(early):
    record = read_record(early)
    assert record is not None
    assert (record.status, record.iteration, record.iterations) == ("finished", 6, 40)
    assert record.reason == "stopped early at iteration 6 of 40"
    assert record.weights.last is not None
    (log,) = early.glob("2*/*.log")
    assert "stopped early at iteration 6 of 40: the last weights are" in log.read_text()
    (ending,) = endings(find_runs([early]), [])
    assert ending.compared
    assert ending.reason == record.reason
    assert "6 of 40" in ending.cells
    assert is_trained(early)


def test_next_run_in_its_folder_is_refused(early, pond):
    with pytest.raises(FileExistsError, match="finished at iteration 6: stopped early"):
        train(PLAIN, early, cfg_options=tiny_run(pond, "model"))

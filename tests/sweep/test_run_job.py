"""The job of a run, with training and evaluation replaced."""

import math
from pathlib import Path

import pytest
from mmengine.config import Config

from mmseg_splashkd.records.record import BestAndLast, Charge, Metrics, RunRecord
from mmseg_splashkd.records.store import read_record, write_record
from mmseg_splashkd.sweep import run_job as module
from mmseg_splashkd.sweep.run_job import RunJob

VAL: Metrics = {"mIoU": 50.0, "Dice.splash": None}
TEST: Metrics = {"mIoU": 40.0}


@pytest.fixture
def calls(monkeypatch) -> list[str]:
    """Replace what a run does; every call is listed."""
    made: list[str] = []

    def train(config, work_dir, name, options) -> None:
        if (earlier := read_record(work_dir)) and earlier.status == "finished":
            return
        made.append("train")
        work_dir.mkdir(parents=True, exist_ok=True)
        figures = BestAndLast(last=VAL)
        write_record(work_dir, RunRecord("1", name, "finished", metrics=figures))
        (work_dir / "weights_run_last.safetensors").touch()
        (work_dir / "iter_2.pth").touch()

    def evaluate(config, checkpoint, work_dir, **options) -> Metrics:
        made.append(work_dir.name)
        return TEST

    dice = [{"type": "DiceMetric"}]
    cfg = Config({"val_dataloader": {"dataset": {}}, "val_evaluator": dice})
    monkeypatch.setattr(module, "read_config", lambda *_: cfg)
    monkeypatch.setattr(module, "config_sha256", lambda cfg: "sha")
    monkeypatch.setattr(module, "has_test_part", lambda cfg: True)
    monkeypatch.setattr(module, "train_once", train)
    monkeypatch.setattr(module, "evaluate", evaluate)
    return made


def job(tmp_path: Path, metric: str = "mIoU", **options) -> RunJob:
    return RunJob("config.py", {}, tmp_path / "run", {}, "sha", metric, **options)


def call(job: RunJob) -> float | None:
    steps = job()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_a_complete_run_is_not_repeated(tmp_path, calls):
    charge = Charge("kd", ("steps", "wall"), 0.1, 3.0, 0.0, 9.0, "once")
    run = job(tmp_path, charge=charge)
    assert run.result() is None
    assert call(run) == run.result() == 50.0
    assert calls == ["train", "val", "test"]
    record = read_record(run.folder)
    assert record is not None
    assert (record.test_metrics, record.charge) == (TEST, charge)
    assert not list(run.folder.glob("*.pth"))
    assert call(run) == 50.0
    assert calls == ["train", "val", "test"]


def test_a_run_that_was_trained_is_only_evaluated(tmp_path, calls, monkeypatch):
    run = job(tmp_path, checkpoints=True)

    def killed(*_, **__) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "evaluate", killed)
        with pytest.raises(KeyboardInterrupt):
            call(run)
    assert calls == ["train"]
    assert run.result() is None
    assert call(run) == 50.0
    assert calls == ["train", "val", "test"]
    assert list(run.folder.glob("*.pth"))


def test_a_config_without_a_test_part_has_no_test_metrics(tmp_path, calls, monkeypatch):
    monkeypatch.setattr(module, "has_test_part", lambda cfg: False)
    run = job(tmp_path, predictions=False)
    assert call(run) == 50.0
    assert calls == ["train"]
    assert call(run) == 50.0
    assert calls == ["train"]


def test_an_undefined_metric_is_nan_and_an_unknown_one_is_an_error(tmp_path, calls):
    value = call(job(tmp_path, "Dice.splash"))
    assert value is not None
    assert math.isnan(value)
    with pytest.raises(ValueError, match=r"--metric Dice is none of Dice\.splash, mIo"):
        call(job(tmp_path, "Dice"))


def test_a_config_that_has_changed_is_refused(tmp_path, calls, monkeypatch):
    monkeypatch.setattr(module, "config_sha256", lambda cfg: "other")
    with pytest.raises(ValueError, match=r"config\.py, or .* has changed since"):
        call(job(tmp_path))
    assert calls == []

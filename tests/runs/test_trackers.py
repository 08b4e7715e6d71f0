import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.visualization import MLflowVisBackend, WandbVisBackend

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.runs import trackers
from mmseg_splashkd.runs import train as training
from mmseg_splashkd.runs.trackers import check_trackers, use_trackers
from mmseg_splashkd.runs.train import train
from tests.conftest import CONFIGS, PLAIN, tiny_run

BASES = ("mlflow", "tensorboard", "wandb")


def config_with(folder, *names):
    """A config file that has one more base for each tracker."""
    bases = [PLAIN, *(CONFIGS / "_base_" / "tracking" / f"{name}.py" for name in names)]
    path = folder / "tracked.py"
    path.write_text(f"_base_ = {[str(base) for base in bases]}\n")
    return path


def test_bases_join_any_config(tmp_path):
    cfg = read_config(config_with(tmp_path, *BASES))
    cfg.run_name = "mine_1125"
    use_trackers(cfg)
    local, mlflow, tensorboard, wandb = cfg.visualizer.vis_backends
    assert local.type == "LocalVisBackend"
    assert (mlflow.type, mlflow.run_name) == ("MLflowVisBackend", "mine_1125")
    assert mlflow.tracking_uri == "sqlite:///work_dirs/mlflow.db"
    assert tensorboard.type == "TensorboardVisBackend"
    assert wandb.init_kwargs == {"project": "mmseg_splashkd", "name": "mine_1125"}


def test_plain_run_is_not_tracked():
    cfg = read_config(PLAIN)
    use_trackers(cfg)
    assert [each.type for each in cfg.visualizer.vis_backends] == ["LocalVisBackend"]


@pytest.mark.parametrize("name", BASES)
def test_missing_package_is_named_with_its_extra(tmp_path, monkeypatch, name):
    monkeypatch.setattr(trackers, "find_spec", lambda package: None)
    with pytest.raises(ImportError, match=rf"pip install -e '\.\[{name}\]'"):
        train(config_with(tmp_path, name), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "spelling", ["WandbVisBackend", "mmengine.WandbVisBackend", WandbVisBackend]
)
def test_backend_in_the_visualizer_of_a_config_is_checked_too(monkeypatch, spelling):
    monkeypatch.setattr(trackers, "find_spec", lambda package: None)
    backends = [{"type": "LocalVisBackend"}, {"type": spelling}]
    with pytest.raises(ImportError, match="WandbVisBackend tracks this run, and wandb"):
        check_trackers(Config({"visualizer": {"vis_backends": backends}}))
    check_trackers(Config({"visualizer": {"vis_backends": backends[:1]}}))
    check_trackers(Config({}))


@pytest.mark.parametrize(
    "spelling", ["MLflowVisBackend", "mmengine.MLflowVisBackend", MLflowVisBackend]
)
def test_tracker_of_any_spelling_gets_the_name_of_the_run(spelling):
    cfg = Config({"run_name": "mine", "fold": 2, "track_mlflow": {"type": spelling}})
    use_trackers(cfg)
    (backend,) = cfg.visualizer.vis_backends
    assert (backend.run_name, backend.tags) == ("mine", {"fold": "2"})


@pytest.mark.slow
def test_mlflow_and_tensorboard_hold_losses_and_metrics(pond, tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    pytest.importorskip("tensorboard")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.chdir(tmp_path)  # where work_dirs, and so the store, will be
    config = config_with(tmp_path, "mlflow", "tensorboard")
    options = tiny_run(pond, "model", iterations=4)
    work_dir = train(config, cfg_options=options, name="mine")
    record = read_record(work_dir)
    assert record is not None
    assert record.metrics.last is not None
    dice = record.metrics.last["Dice.splash"]
    check_mlflow(dice)
    check_events(work_dir, dice)
    fail_once(config, options, monkeypatch)


def check_mlflow(expected):
    from mlflow import MlflowClient

    client = MlflowClient("sqlite:///work_dirs/mlflow.db")
    (run,) = runs_of(client)
    assert (run.info.run_name, run.info.status) == ("mine", "FINISHED")
    losses = client.get_metric_history(run.info.run_id, "loss")
    assert [each.step for each in losses] == [1, 2, 3, 4]
    dice = client.get_metric_history(run.info.run_id, "Dice.splash")
    assert [each.step for each in dice] == [2, 4]
    assert dice[-1].value == pytest.approx(expected)
    assert run.data.params["randomness.seed"] == "0"
    names = {each.path for each in client.list_artifacts(run.info.run_id)}
    assert "config.py" in names
    assert list(Path("work_dirs", "mlflow").rglob("config.py"))
    assert not Path("mlruns").exists()


def runs_of(client):
    (experiment,) = [
        each for each in client.search_experiments() if each.name == "mmseg_splashkd"
    ]
    return client.search_runs([experiment.experiment_id])


def check_events(work_dir, expected):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (file,) = work_dir.glob("2*/vis_data/events.out.tfevents.*")
    events = EventAccumulator(str(file)).Reload()
    assert [each.step for each in events.Scalars("loss")] == [1, 2, 3, 4]
    dice = events.Scalars("Dice.splash")
    assert [each.step for each in dice] == [2, 4]
    assert dice[-1].value == pytest.approx(expected)


def fail_once(config, options, monkeypatch):
    """A run that fails is ended there too, and the next one is not its part."""
    from mlflow import MlflowClient

    def fail(runner):
        raise RuntimeError("lost")

    monkeypatch.setattr(training.SafeRunner, "train", fail)
    with pytest.raises(RuntimeError, match="lost"):
        train(config, cfg_options=options, name="other")
    assert sys.modules["mlflow"].active_run() is None
    client = MlflowClient("sqlite:///work_dirs/mlflow.db")
    assert {run.info.run_name: run.info.status for run in runs_of(client)} == {
        "mine": "FINISHED",
        "other": "FAILED",
    }

import errno
import hashlib
import json
import os
from datetime import datetime
from pathlib import Path

import pytest
from mmengine.config import Config
from safetensors.torch import load_file

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.records import LEDGER, ledger, read_ledger
from mmseg_splashkd.records.ledger import settle
from mmseg_splashkd.records.outcome import tensors_sha256
from mmseg_splashkd.records.run_file import read_run
from mmseg_splashkd.runs import train as training
from mmseg_splashkd.runs.recorder import is_writer, recorded
from mmseg_splashkd.runs.train import Terminated, train
from tests.conftest import PLAIN, tiny_run

KEYS = (
    *("version", "id", "run", "work_dir", "began", "ended", "wall_s", "how", "why"),
    *("resumed", "command", "config", "config_sha256", "config_text", "options"),
    *("experiment", "teacher_ratio", "fold", "seed", "iterations", "iteration"),
    *("data", "code", "host", "hardware", "memory", "metrics", "scores", "weights"),
    "teacher",
)


def line_of(work_dir: Path) -> dict:
    """The last line about a work directory."""
    lines = read_ledger(work_dir.parent)
    return [each for each in lines if each["work_dir"] == work_dir.name][-1]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_line_holds_all_that_there_is_to_know(distilled, teacher, pond):
    line = line_of(distilled)
    assert sorted(line) == sorted(KEYS)
    assert (line["version"], line["how"], line["why"]) == (1, "finished", None)
    assert not line["resumed"]
    assert (line["seed"], line["iterations"], line["iteration"]) == (0, 2, 2)
    assert (line["experiment"], line["teacher_ratio"]) == ("0627", 0.5)
    assert (line["fold"], line["options"]["embargo"]) == (None, 0)
    text = line["config_text"].encode()
    assert line["config_sha256"] == hashlib.sha256(text).hexdigest()
    times = [datetime.fromisoformat(line[key]) for key in ("began", "ended")]
    assert times[0] <= times[1]
    assert 0 < line["wall_s"] < 600
    assert 50 < line["memory"]["rss_mib"] < 100_000
    assert line["hardware"]["processes"] == 1
    assert line["hardware"]["threads"] >= 1
    assert line["code"]["version"] == "0.1.0"
    assert set(line["host"]) >= {
        "python",
        "torch",
        "numpy",
        "mmengine",
        "mmcv",
        "mmseg",
    }


def test_line_knows_its_data(distilled, pond):
    data = line_of(distilled)["data"]
    assert data["table"] == (pond / "frames.csv").as_posix()
    assert data["table_sha256"] == sha256(pond / "frames.csv")
    assert data["frames"] == {"train": 22, "val": 6, "test": 3}
    frames = distilled / data["train_frames"]
    assert data["train_frames_sha256"] == sha256(frames)
    names = sorted(path.stem for path in (pond / "images").rglob("*.png"))
    listed = frames.read_text().splitlines()
    assert [name.rsplit("/", 1)[1] for name in listed] == names[:22]


def test_line_knows_what_came_out(distilled, teacher):
    line = line_of(distilled)
    (log,) = distilled.glob("2*/vis_data/scalars.json")
    logged = json.loads(log.read_text().splitlines()[-1])
    for kind in ("best", "last"):  # of one validation
        figures = line["metrics"][kind]
        assert "Dice.splash" in figures
        assert figures == pytest.approx({name: logged[name] for name in figures})
        assert (distilled / line["scores"][kind]).is_file()
        weights = line["weights"][kind]
        assert weights["sha256"] == tensors_sha256(
            load_file(distilled / weights["path"])
        )
    (best,) = teacher.glob("weights_*_best.safetensors")
    assert line["teacher"]["checkpoint"] == best.as_posix()
    assert line["teacher"]["sha256"] == tensors_sha256(load_file(best))
    told = json.loads((distilled / "teacher.json").read_text())
    assert told.items() <= line["teacher"].items()


def test_run_file_stays_and_says_the_same(distilled):
    state = read_run(distilled) or {}
    line = line_of(distilled)
    assert {key: state[key] for key in line} == line
    assert state["pid"] == os.getpid()


@pytest.mark.parametrize(
    ("error", "how", "why"),
    [
        (KeyboardInterrupt(), "stopped", "KeyboardInterrupt"),
        (Terminated("SIGTERM"), "stopped", "SIGTERM"),
        (
            RuntimeError("CUDA out of memory.\nTried"),
            "failed",
            "RuntimeError: CUDA out",
        ),
        (SystemExit(3), "failed", "SystemExit: 3"),
    ],
)
def test_run_that_does_not_end_well_says_how(
    pond, tmp_path, monkeypatch, error, how, why
):
    def fail(cfg):
        raise error

    monkeypatch.setattr(training.SafeRunner, "from_cfg", fail)
    with pytest.raises(type(error)):
        train(PLAIN, tmp_path / "run", cfg_options=tiny_run(pond, "model"), name="mine")
    (line,) = read_ledger(tmp_path)
    assert (line["run"], line["how"], line["iteration"]) == ("mine", how, 0)
    assert line["why"].startswith(why)
    assert "\n" not in line["why"]
    assert line["metrics"] == line["weights"] == {"best": None, "last": None}
    traceback = tmp_path / "run" / "traceback.txt"
    assert traceback.is_file() == (how == "failed")
    if how == "failed":
        assert "in fail" in traceback.read_text()


def test_interrupt_that_the_host_takes_for_an_error_stops(pond, tmp_path, monkeypatch):
    def fail(cfg):
        try:
            raise Terminated("SIGTERM")
        except BaseException:
            raise SyntaxError("Failed to format the config file")  # noqa: B904 - as it

    monkeypatch.setattr(training.SafeRunner, "from_cfg", fail)
    with pytest.raises(Terminated):
        train(PLAIN, tmp_path / "run", cfg_options=tiny_run(pond, "model"))
    (line,) = read_ledger(tmp_path)
    assert (line["how"], line["why"]) == ("stopped", "SIGTERM")


def test_config_is_kept_as_it_was_before_the_run_changed_it(
    pond, tmp_path, monkeypatch
):
    def use(cfg):
        cfg.model.teacher_cache = "work_dirs/cache"
        return []

    def stop(cfg):
        assert cfg.model.teacher_cache == "work_dirs/cache"
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "use_teacher_cache", use)
    monkeypatch.setattr(training.SafeRunner, "from_cfg", stop)
    options = tiny_run(pond, "model")
    with pytest.raises(KeyboardInterrupt):
        train(PLAIN, tmp_path / "run", cfg_options=options, name="mine")
    (line,) = read_ledger(tmp_path)
    again = Config.fromstring(line["config_text"], ".py")
    assert again.to_dict() == read_config(PLAIN, options).to_dict()


def test_runner_that_cannot_be_built_is_a_run_that_failed(pond, tmp_path):
    options = tiny_run(pond, "model", model__backbone__type="NoSuchBackbone")
    with pytest.raises(Exception, match="NoSuchBackbone"):
        train(PLAIN, tmp_path / "run", cfg_options=options)
    (line,) = read_ledger(tmp_path)
    assert line["how"] == "failed"
    assert line["data"]["frames"]["train"] == 22


def test_refused_config_leaves_no_line(pond, tmp_path):
    options = tiny_run(pond, "model", val_dataloader__dataset__split="train")
    with pytest.raises(ValueError, match="frames in both"):
        train(PLAIN, tmp_path / "run", cfg_options=options)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_resumed_run_goes_on_with_name_and_figures(pond, tmp_path):
    options = tiny_run(pond, "model")
    train(PLAIN, tmp_path / "run", cfg_options=options, name="first_0102")
    options["train_cfg.max_iters"] = 4
    train(PLAIN, tmp_path / "run", resume=True, cfg_options=options)
    first, second = read_ledger(tmp_path)
    assert [first["run"], second["run"]] == ["first_0102", "first_0102"]
    assert [first["resumed"], second["resumed"]] == [False, True]
    assert [first["iteration"], second["iteration"]] == [2, 4]
    assert first["id"] != second["id"]
    # Best of both: the validation at 2 is known though this start did not make it.
    figures = [first["metrics"]["last"], second["metrics"]["last"]]
    best = max(figures, key=lambda each: each["Dice.splash"])
    assert second["metrics"]["best"] == best


@pytest.mark.slow
def test_full_drive_is_named_and_costs_no_weights(pond, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    work_dir = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "_write_line", full)
        with pytest.raises(OSError, match="could not be added: No space") as caught:
            train(PLAIN, work_dir, cfg_options=tiny_run(pond, "model"), name="mine")
    assert caught.value.errno == errno.ENOSPC
    assert f"Weights and scores stay in {work_dir}" in str(caught.value)
    assert (work_dir / "weights_mine_last.safetensors").is_file()
    assert read_ledger(tmp_path) == []
    settle(tmp_path / LEDGER)
    (line,) = read_ledger(tmp_path)
    assert (line["how"], line["iteration"]) == ("finished", 2)


def test_folder_that_cannot_be_written_is_named_at_once(pond, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="records cannot be kept there"):
        train(PLAIN, tmp_path / "file" / "run", cfg_options=tiny_run(pond, "model"))


@pytest.mark.parametrize(
    ("launcher", "variable"),
    [
        ("pytorch", "RANK"),
        ("slurm", "SLURM_PROCID"),
        ("mpi", "OMPI_COMM_WORLD_RANK"),
    ],
)
def test_first_process_alone_writes(monkeypatch, launcher, variable):
    monkeypatch.setenv(variable, "0")
    assert is_writer(launcher)
    monkeypatch.setenv(variable, "1")
    assert not is_writer(launcher)
    assert is_writer("none")


def test_other_processes_leave_nothing_and_show_what_failed(tmp_path, capsys):
    cfg = Config({"work_dir": str(tmp_path / "run"), "run_name": "x", "resume": False})
    with pytest.raises(RuntimeError, match="lost"), recorded(cfg, None):
        raise RuntimeError("lost")
    assert not list(tmp_path.iterdir())
    assert "RuntimeError: lost" in capsys.readouterr().err

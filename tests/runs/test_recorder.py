import errno
import hashlib
import json
import os
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.logging import MessageHub
from safetensors.torch import load_file

from mmseg_splashkd.checkpoint import tensors_sha256
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.hooks.not_finite import NotFiniteError
from mmseg_splashkd.hooks.stop_signal_hook import Terminated
from mmseg_splashkd.records.lock import lock_folder
from mmseg_splashkd.records.record import BestAndLast, RunRecord
from mmseg_splashkd.records.store import find_runs, read_record
from mmseg_splashkd.runs import recorder as module
from mmseg_splashkd.runs import train as training
from mmseg_splashkd.runs.recorder import Recorder, is_writer, recorded
from mmseg_splashkd.runs.train import train
from tests.conftest import PLAIN, tiny_run
from tests.records.builders import leave_run, record

LIBRARIES = {"python", "torch", "numpy", "mmengine", "mmcv", "mmseg"}


def read(work_dir: Path) -> RunRecord:
    found = read_record(work_dir)
    assert found is not None
    return found


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# A run that finishes


def test_record_describes_the_run(distilled):
    found = read(distilled)
    assert (found.status, found.reason, found.resumed) == ("finished", None, False)
    assert (found.seed, found.iterations, found.iteration) == (0, 2, 2)
    assert (found.experiment, found.teacher_ratio) == ("0627", 0.5)
    assert (found.fold, found.options["embargo"]) == (None, 0)
    assert found.config_text is not None
    text = found.config_text.encode()
    assert found.config_sha256 == hashlib.sha256(text).hexdigest()
    assert found.began is not None
    assert found.ended is not None
    times = [datetime.fromisoformat(each) for each in (found.began, found.ended)]
    assert times[0] <= times[1]
    assert 0 < (found.wall_s or 0) < 600
    assert 50 < (found.memory.rss_mib or 0) < 100_000
    assert found.hardware.processes == 1
    assert (found.hardware.threads or 0) >= 1
    assert found.code.version == "0.1.0"
    assert set(found.host) >= LIBRARIES
    assert (found.pid, found.attempts) == (os.getpid(), ())


def test_record_describes_the_data(distilled, pond):
    data = read(distilled).data
    assert data.tables == ((pond / "frames.csv").as_posix(),)
    assert data.table_sha256 == (sha256(pond / "frames.csv"),)
    assert data.frames == {"train": 22, "val": 6, "test": 3}
    frames = distilled / (data.train_frames or "")
    assert data.train_frames_sha256 == sha256(frames)
    names = sorted(path.stem for path in (pond / "images").rglob("*.png"))
    listed = frames.read_text().splitlines()
    assert [name.rsplit("/", 1)[1] for name in listed] == names[:22]


def test_record_holds_metrics_weights_and_teacher(distilled, teacher):
    found = read(distilled)
    (log,) = distilled.glob("2*/vis_data/scalars.json")
    logged = json.loads(log.read_text().splitlines()[-1])
    for kind in ("best", "last"):  # of the one validation
        metrics, weights = found.metrics.of(kind), found.weights.of(kind)
        assert metrics is not None
        assert weights is not None
        assert "Dice.splash" in metrics
        assert metrics == pytest.approx({name: logged[name] for name in metrics})
        assert (distilled / (found.scores.of(kind) or "")).is_file()
        expected = tensors_sha256(load_file(distilled / weights.path))
        assert weights.sha256 == expected
    (best,) = teacher.glob("weights_*_best.safetensors")
    assert found.teacher is not None
    assert found.teacher.checkpoints == (best.as_posix(),)
    assert found.teacher.sha256 == (tensors_sha256(load_file(best)),)
    report = json.loads((distilled / "teacher.json").read_text())
    assert found.teacher.report == report


def test_no_file_is_written_beside_the_work_directory(distilled):
    assert not list(distilled.parent.glob("records.*"))


# Runs that do not finish


@pytest.mark.parametrize(
    ("error", "status", "reason"),
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
def test_run_that_does_not_finish_records_why(
    pond, tmp_path, monkeypatch, capsys, error, status, reason
):
    def fail(cfg):
        raise error

    monkeypatch.setattr(training.SafeRunner, "from_cfg", fail)
    work_dir = tmp_path / "run"
    with pytest.raises(type(error)):
        train(PLAIN, work_dir, cfg_options=tiny_run(pond, "model"), name="mine")
    told = capsys.readouterr().err
    nothing = "stopped; --resume begins it again, since it left no checkpoint"
    assert (nothing in told) == (status == "stopped")
    found = read(work_dir)
    assert (found.name, found.status, found.iteration) == ("mine", status, 0)
    assert found.reason is not None
    assert found.reason.startswith(reason)
    assert "\n" not in found.reason
    assert found.metrics == found.weights == BestAndLast()
    traceback = work_dir / "traceback.txt"
    assert traceback.is_file() == (status == "failed")
    if status == "failed":
        assert "in fail" in traceback.read_text()
    lock_folder(work_dir, timeout=0).release()  # others may train there


def test_interrupt_that_mmengine_turns_into_an_error_stops(pond, tmp_path, monkeypatch):
    def fail(cfg):
        try:
            raise Terminated("SIGTERM")
        except BaseException:
            raise SyntaxError("Failed to format the config file")  # noqa: B904 - as it

    monkeypatch.setattr(training.SafeRunner, "from_cfg", fail)
    with pytest.raises(Terminated):
        train(PLAIN, tmp_path / "run", cfg_options=tiny_run(pond, "model"))
    found = read(tmp_path / "run")
    assert (found.status, found.reason) == ("stopped", "SIGTERM")


def test_config_is_recorded_as_it_was_before_the_run_changed_it(
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
    again = Config.fromstring(read(tmp_path / "run").config_text or "", ".py")
    assert again.to_dict() == read_config(PLAIN, options).to_dict()


def test_runner_that_cannot_be_built_is_a_failed_run(pond, tmp_path):
    options = tiny_run(pond, "model", model__backbone__type="mmdet.NoSuchBackbone")
    with pytest.raises(Exception, match="NoSuchBackbone"):
        train(PLAIN, tmp_path / "run", cfg_options=options)
    found = read(tmp_path / "run")
    assert found.status == "failed"
    assert found.data.frames["train"] == 22


def test_refused_config_leaves_no_record(pond, tmp_path):
    options = tiny_run(pond, "model", val_dataloader__dataset__split="train")
    with pytest.raises(ValueError, match="frames in both"):
        train(PLAIN, tmp_path / "run", cfg_options=options)
    assert not list(tmp_path.iterdir())


# Several starts in one folder


@pytest.mark.slow
def test_resumed_run_keeps_name_validations_and_earlier_start(pond, tmp_path):
    options, work_dir = tiny_run(pond, "model"), tmp_path / "run"
    train(PLAIN, work_dir, cfg_options=options, name="first_0102")
    first = read(work_dir)
    options["train_cfg.max_iters"] = 4
    train(PLAIN, work_dir, resume=True, cfg_options=options)
    second = read(work_dir)
    assert [first.name, second.name] == ["first_0102", "first_0102"]
    assert [first.resumed, second.resumed] == [False, True]
    assert [first.iteration, second.iteration] == [2, 4]
    assert sorted(second.validations) == [2, 4]
    (attempt,) = second.attempts
    assert attempt.id == first.id != second.id
    assert (attempt.status, attempt.iteration) == ("finished", 2)
    assert (attempt.began, attempt.ended) == (first.began, first.ended)
    # The best of both starts, though this one did not validate at iteration 2.
    metrics = [each.metrics.last or {} for each in (first, second)]
    best = max(metrics, key=lambda each: each["Dice.splash"] or 0)
    assert second.metrics.best == best


def begin(work_dir: Path, resumed: bool, number: int = 5) -> Recorder:
    new = record(number, status="running", name="", began=None)
    work_dir.mkdir(exist_ok=True)
    return Recorder(work_dir, new, ["a/1"], "second", resumed)


def test_start_over_a_killed_run_records_that_it_was_killed(tmp_path):
    metrics = {2: {"mIoU": 1.0}}
    work_dir = leave_run(tmp_path, hostname="elsewhere", pid=7, validations=metrics)
    begin(work_dir, resumed=True).end("stopped")
    begin(work_dir, resumed=False, number=6).end("finished")
    found = read(work_dir)
    assert (found.name, found.validations) == ("second", {})
    # Both earlier starts stay, the resumed one with the name of the first.
    killed, stopped = found.attempts
    assert (killed.id, killed.status) == (record(0).id, "killed")
    assert killed.reason == "its process 7 on elsewhere is gone"
    assert (stopped.id, stopped.status) == (record(5).id, "stopped")
    (run,) = find_runs([work_dir])
    assert run.record == found


def test_resumed_start_keeps_name_and_validations(tmp_path):
    metrics = {2: {"mIoU": 1.0}}
    work_dir = leave_run(tmp_path, validations=metrics)
    recorder = begin(work_dir, resumed=True)
    assert (recorder.record.name, recorder.record.validations) == ("run0", metrics)
    recorder.add_validation(4, {"mIoU": float("nan")})
    recorder.end("finished")
    found = read(work_dir)
    assert found.validations == metrics | {4: {"mIoU": None}}
    assert found.metrics.last == {"mIoU": None}


def test_skipped_iterations_are_recorded(tmp_path, request):
    hub = MessageHub(request.node.name)
    hub.update_info("skipped_iterations", [2, 5])
    runner: Any = SimpleNamespace(message_hub=hub, iter=6)
    recorder = begin(tmp_path, resumed=False)
    recorder._runner = runner
    recorder.add_validation(6, {"mIoU": 1.0})
    assert read(tmp_path).skipped == (2, 5)


def test_folder_of_a_running_run_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "lock_folder", lambda path: lock_folder(path, 0.01))
    cfg = Config({"work_dir": str(tmp_path), "run_name": "x", "resume": False})
    with recorded(cfg, (record(), None)) as first:
        with (
            pytest.raises(FileExistsError, match="another process trains there now"),
            recorded(cfg, (record(), None)),
        ):
            pass
        assert first is not None
        assert read(tmp_path) == first.record
    with recorded(cfg, (record(), None)):
        pass
    assert read(tmp_path).status == "finished"


def test_record_that_cannot_be_read_is_not_written_over(tmp_path):
    work_dir = leave_run(tmp_path)
    (work_dir / "run.json").write_text('{"version": 3}')
    for resumed in (True, False):
        cfg = {"work_dir": str(work_dir), "run_name": "x", "resume": resumed}
        with (
            pytest.raises(ValueError, match="version 3, newer than"),
            recorded(Config(cfg), (record(), None)),
        ):
            pass
    assert (work_dir / "run.json").read_text() == '{"version": 3}'
    lock_folder(work_dir, timeout=0).release()


def test_list_of_an_earlier_run_goes_where_frames_are_not_known(tmp_path):
    begin(tmp_path, resumed=False).end("failed")
    assert (tmp_path / "train_frames.txt").read_text() == "a/1\n"
    Recorder(tmp_path, record(6), None, "x", resumed=False).end("finished")
    assert not (tmp_path / "train_frames.txt").exists()


# Drives


def full_drive(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_full_drive_at_the_end_is_named(tmp_path, monkeypatch):
    recorder = begin(tmp_path / "run", resumed=False)
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_record", full_drive)
        recorder.add_validation(2, {"mIoU": 1.0})  # no reason to end a run
        with pytest.raises(OSError, match="could not be written: No space") as caught:
            recorder.end("finished")
    assert caught.value.errno == errno.ENOSPC
    assert f"Weights and scores stay in {tmp_path / 'run'}" in str(caught.value)
    assert read(tmp_path / "run").status == "running"


def test_full_drive_does_not_hide_why_a_run_failed(tmp_path, monkeypatch):
    cfg = Config({"work_dir": str(tmp_path), "run_name": "x", "resume": False})

    def fail():
        monkeypatch.setattr(module, "write_record", full_drive)
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"), recorded(cfg, (record(), None)):
        fail()
    lock_folder(tmp_path, timeout=0).release()


def test_folder_that_cannot_be_written_is_named_at_once(pond, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="the run cannot be recorded there"):
        train(PLAIN, tmp_path / "file" / "run", cfg_options=tiny_run(pond, "model"))


# Several processes


@pytest.mark.parametrize(
    ("launcher", "variable"),
    [
        ("pytorch", "RANK"),
        ("slurm", "SLURM_PROCID"),
        ("mpi", "OMPI_COMM_WORLD_RANK"),
    ],
)
def test_only_the_first_process_writes(monkeypatch, launcher, variable):
    monkeypatch.setenv(variable, "0")
    assert is_writer(launcher)
    monkeypatch.setenv(variable, "1")
    assert not is_writer(launcher)
    assert is_writer("none")


def ranks(tmp_path, error) -> RunRecord:
    """The record of a first process that ends by an error, after the second failed."""
    cfg = Config({"work_dir": str(tmp_path), "run_name": "x", "resume": False})

    def fail_in_both() -> None:
        with pytest.raises(ValueError, match="odd"), recorded(cfg, None):
            raise ValueError("odd\n  batch")
        raise error

    with pytest.raises(type(error)), recorded(cfg, (record(), None)):
        fail_in_both()
    return read(tmp_path)


@pytest.mark.parametrize(
    "error",
    [Terminated("SIGTERM"), RuntimeError("[gloo] Connection closed by peer")],
)
def test_failure_of_another_process_is_the_reason(tmp_path, monkeypatch, error):
    monkeypatch.setenv("RANK", "1")
    found = ranks(tmp_path, error)
    assert found.status == "failed"
    assert found.reason == "process 1 failed: ValueError: odd"
    assert "odd" in (tmp_path / "traceback_1.txt").read_text()
    begin(tmp_path, resumed=False, number=6).end("finished")
    assert not list(tmp_path.glob("traceback*"))  # of the earlier start


def test_signal_that_all_processes_follow_is_the_reason(tmp_path):
    """Those that have ended before the record is written are not lost."""
    cfg = Config({"work_dir": str(tmp_path), "run_name": "x", "resume": False})
    running = (record(status="running"), None)

    def stop(recorder: Recorder | None) -> None:
        assert recorder is not None
        recorder.missing = lambda: "process 1 has given no sign"
        raise Terminated("SIGUSR1", 3)

    with pytest.raises(Terminated), recorded(cfg, running) as recorder:
        stop(recorder)
    found = read(tmp_path)
    assert (found.status, found.reason) == ("stopped", "SIGUSR1")
    assert found.iteration == 3


def test_first_process_s_own_error_is_the_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    found = ranks(tmp_path, RuntimeError("CUDA out of memory"))
    assert found.reason == "RuntimeError: CUDA out of memory"


def test_reason_of_a_loss_that_is_not_finite_is_one_sentence(tmp_path):
    cfg = Config({"work_dir": str(tmp_path), "run_name": "x", "resume": False})
    error = NotFiniteError("loss is not finite at iteration 3", "loss_label")
    with pytest.raises(NotFiniteError), recorded(cfg, (record(), None)):
        raise error
    assert read(tmp_path).reason == "loss is not finite at iteration 3"
    assert read(tmp_path).status == "failed"


def test_other_processes_write_no_file_and_print_the_error(tmp_path, capsys):
    cfg = Config({"work_dir": str(tmp_path / "run"), "run_name": "x", "resume": False})
    with pytest.raises(RuntimeError, match="lost"), recorded(cfg, None):
        raise RuntimeError("lost")
    assert not list(tmp_path.iterdir())
    assert "RuntimeError: lost" in capsys.readouterr().err

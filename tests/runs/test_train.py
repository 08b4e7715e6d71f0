import os
import re
import shutil
import signal
from datetime import date

import pytest
import torch
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_splashkd.checkpoint import (
    read_checkpoint,
    tensors_sha256,
    write_weights,
)
from mmseg_splashkd.config.text import text_values
from mmseg_splashkd.datasets.label_coding import SPLASH
from mmseg_splashkd.hooks.stop_request import Terminated
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.records.traces import resumable
from mmseg_splashkd.runs import train as training
from mmseg_splashkd.runs.train import train
from tests.conftest import BEST, DISTILLED, PLAIN, TEACHER, tiny_run
from tests.models.builders import build, distiller, segformer
from tests.records.builders import leave_run


@HOOKS.register_module()
class SendSignalHook(Hook):
    """Sends SIGUSR1 before the first step."""

    def before_train_iter(self, runner, *_, **__) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)


RENAMED = {
    "label_coding": {
        "_delete_": True,  # otherwise a name
        "classes": ["water", "splash"],
        "palette": [[8, 8, 8], [1, 1, 1]],
        "gray_to_train_id": {0: 0, 255: 1},
    }
}


def weights(work_dir, iteration: int) -> dict[str, torch.Tensor]:
    return read_checkpoint(work_dir / f"iter_{iteration}.pth")["state_dict"]


def assert_equal(first: dict, second: dict) -> None:
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert torch.equal(value, second[key]), key


@pytest.fixture(scope="module")
def learned_options(distil_options):
    """A distillation with a projector, whose weights are learned, and a schedule."""
    terms = [{"type": "KLDLoss"}, {"type": "FeatureMSELoss", "tap": 3}]
    warm_up = {"_delete_": True, "kind": "linear", "end": 0.8, "until": 5}
    return distil_options | {
        "model.distill_loss.terms": terms,
        "model.distill_loss.teacher_ratio": warm_up,
        "model.student.backbone.embed_dims": 16,
        "model.student.decode_head.in_channels": [16] * 4,
    }


@pytest.fixture(scope="module")
def whole(learned_options, tmp_path_factory):
    """Six uninterrupted iterations, with data loaded in the process itself."""
    options = learned_options | {"train_cfg.max_iters": 6}
    return train(DISTILLED, tmp_path_factory.mktemp("whole"), cfg_options=options)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(
    learned_options, whole, tmp_path, workers
):
    options = learned_options | {"train_dataloader.num_workers": workers}
    # Dropout and drop path draw too, and validation falls between the two halves.
    train(DISTILLED, tmp_path, cfg_options=options | {"train_cfg.max_iters": 4})
    key = "decode_head.conv_seg.weight"
    assert not torch.equal(weights(tmp_path, 4)[key], weights(whole, 6)[key])
    options["train_cfg.max_iters"] = 6
    train(DISTILLED, tmp_path, resume=True, cfg_options=options)
    assert_equal(weights(whole, 6), weights(tmp_path, 6))
    learned = [
        read_checkpoint(run / "iter_6.pth")["distill_loss"] for run in (whole, tmp_path)
    ]
    assert_equal(*learned)
    assert learned[0].keys() == {"terms.1.projector.weight", "terms.1.projector.bias"}


@pytest.mark.slow
def test_log_holds_the_schedule(whole):
    ratios = re.findall(r"teacher_ratio: ([0-9.]+)", _log_of(whole))
    assert [float(ratio) for ratio in ratios[:5]] == [0.0, 0.16, 0.32, 0.48, 0.64]


def _log_of(work_dir) -> str:
    (log,) = work_dir.glob("2*/*.log")
    return log.read_text()


def test_other_seed_gives_other_weights(pond, teacher, tmp_path):
    options = tiny_run(pond, "model", randomness__seed=1)
    other = train(TEACHER, tmp_path / "run", cfg_options=options)
    first, second = (
        weights(run, 2)["decode_head.conv_seg.weight"] for run in (teacher, other)
    )
    assert not torch.equal(first, second)


def test_same_seed_gives_the_same_bits(pond, teacher, tmp_path):
    again = train(TEACHER, tmp_path / "run", cfg_options=tiny_run(pond, "model"))
    first, second = (weights(run, 2) for run in (teacher, again))
    assert_equal(first, second)
    assert tensors_sha256(first) == tensors_sha256(second)


def test_name_is_that_of_run_folder_and_weights(pond, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "WORK_DIRS", tmp_path)
    options = tiny_run(pond, "model")
    work_dir = train(PLAIN, cfg_options=options, name="plain_1125_fold0_seed1")
    assert work_dir == tmp_path / "plain_1125_fold0_seed1"
    assert (work_dir / f"weights_{work_dir.name}_last.safetensors").is_file()
    with pytest.raises(ValueError, match="name='a/b' must not be a path"):
        train(PLAIN, cfg_options=options, name="a/b")


def test_checkpoint_of_a_distillation_is_one_of_its_student(distilled):
    keys = weights(distilled, 2).keys()
    assert "decode_head.conv_seg.weight" in keys
    assert not [key for key in keys if "teacher" in key or "student" in key]


def test_exported_weights_are_those_of_the_checkpoints(distilled):
    (best,) = distilled.glob(BEST)
    (last,) = distilled.glob("weights_*_last.safetensors")
    assert_equal(read_checkpoint(last)["state_dict"], weights(distilled, 2))
    (best_checkpoint,) = distilled.glob("best_OperatingPoint.Dice_iter_*.pth")
    assert_equal(
        read_checkpoint(best)["state_dict"],
        read_checkpoint(best_checkpoint)["state_dict"],
    )
    meta = read_checkpoint(best)["meta"]
    assert meta["dataset_meta"]["classes"] == ["background", "splash"]
    assert meta["dataset_meta"]["palette"] == [list(c) for c in SPLASH.palette]


def test_names_carry_date_and_ratio(distil_options, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "WORK_DIRS", tmp_path)
    options = distil_options | {
        "work_dir": None,
        "model.distill_loss.teacher_ratio": 0.255,
    }
    work_dir = train(DISTILLED, cfg_options=options)
    name = f"segformer_b0_kd_pe001_pond_{date.today():%m%d}_26"
    assert work_dir == tmp_path / name
    assert (work_dir / f"weights_{name}_last.safetensors").is_file()


def test_resume_finds_the_run_and_keeps_its_name(pond, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "WORK_DIRS", tmp_path)
    options = tiny_run(pond, "model") | {"work_dir": None}
    began = train(PLAIN, cfg_options=options)
    # As if it had begun on another day
    elsewhere = began.rename(tmp_path / "segformer_b0_pond_0102")
    (elsewhere / "last_checkpoint").write_text(str(elsewhere / "iter_2.pth"))
    options["train_cfg.max_iters"] = 4
    assert train(PLAIN, resume=True, cfg_options=options) == elsewhere
    (last,) = elsewhere.glob("weights_*_last.safetensors")
    assert f"{date.today():%m%d}" in last.name  # of its start
    assert weights(elsewhere, 4)


def test_log_names_every_term(distilled):
    (log,) = distilled.glob("*/*.log")
    line = re.findall(r"Iter\(train\).*", log.read_text())[0]
    terms = ("loss", "loss_label", "loss_distill", "label", "distill", "modulation")
    for term in (*terms, "acc_student", "acc_teacher"):
        assert f" {term}: " in line


def test_log_holds_warnings_of_the_data_check(distilled):
    (log,) = distilled.glob("2*/*.log")
    assert "WARNING - data check: [border] 2 of 6 val frames" in log.read_text()


def test_overlapping_parts_are_refused_before_anything_is_built(pond, tmp_path):
    options = tiny_run(pond, "model", val_dataloader__dataset__split="train")
    with pytest.raises(ValueError, match="22 frames in both train and val"):
        train(PLAIN, tmp_path / "run", cfg_options=options)
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def stopped(pond, teacher, tmp_path_factory):
    """A run of 2 iterations that is never resumed."""
    work_dir = shutil.copytree(teacher, tmp_path_factory.mktemp("stopped") / "run")
    (work_dir / "last_checkpoint").write_text(str(work_dir / "iter_2.pth"))
    return work_dir


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"model.decode_head.channels": 24},
            r"model\.decode_head\.channels was 16, now 24",
        ),
        (
            {"optim_wrapper.optimizer.lr": 0.5},
            r"optim_wrapper\.optimizer\.lr was 0\.001, now 0\.5",
        ),
        ({"randomness.seed": 3}, r"randomness\.seed was 0, now 3"),
        (
            {"train_dataloader.batch_size": 1},
            r"train_dataloader\.batch_size was 2, now 1",
        ),
        (
            {"train_cfg.max_iters": 1},
            r"max_iters=1, and .*iter_2\.pth is of iteration 2",
        ),
        (
            {"default_hooks.checkpoint.save_best": "mIoU"},
            r"save_best was 'OperatingPoint\.Dice', now 'mIoU'",
        ),
        ({"split_table": "other.csv"}, "the split table changed; the list of train"),
        (
            {"optim_wrapper.optimizer.lr": 9},
            r"optim_wrapper\.optimizer\.lr was .*now 9",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_option_that_a_resumed_run_cannot_follow_is_refused(
    pond, stopped, tmp_path, options, message
):
    if "split_table" in options:
        rows = (pond / "frames.csv").read_text().splitlines(keepends=True)
        text = "".join([rows[0], *rows[2:]])
        for folder in ("images/", "labels/"):
            text = text.replace(folder, f"{pond}/{folder}")
        (tmp_path / "other.csv").write_text(text)
        options = {"split_table": str(tmp_path / "other.csv")}
    before = (stopped / "run.json").read_bytes()
    asked = tiny_run(pond, "model", iterations=4) | options
    with pytest.raises(ValueError, match=message):
        train(TEACHER, stopped, resume=True, cfg_options=asked)
    assert (stopped / "run.json").read_bytes() == before


def test_error_for_resuming_from_weights_alone(pond, teacher, tmp_path):
    options = tiny_run(pond, "model") | {"load_from": str(teacher / BEST)}
    with pytest.raises(ValueError, match="weights without the state of the optimizer"):
        train(TEACHER, tmp_path, resume=True, cfg_options=options)


def test_start_from_weights(pond, teacher, tmp_path):
    options = tiny_run(pond, "model") | {"load_from": str(teacher / BEST)}
    assert train(TEACHER, tmp_path, cfg_options=options) == tmp_path


def test_missing_teacher_is_named_before_anything_is_built(distil_options, tmp_path):
    options = distil_options | {"model.teacher_checkpoint": "nowhere/*.safetensors"}
    with pytest.raises(FileNotFoundError, match="teacher_checkpoint='nowhere"):
        train(DISTILLED, tmp_path, cfg_options=options)
    assert not list(tmp_path.iterdir())


def test_teacher_with_renamed_classes_is_refused(distil_options, tmp_path):
    with pytest.raises(
        ValueError, match=r"teacher.s classes are \['background', 'splash'"
    ):
        train(DISTILLED, tmp_path, cfg_options=distil_options | RENAMED)


def test_class_mapping_accepts_a_teacher_with_renamed_classes(distil_options, tmp_path):
    options = distil_options | RENAMED | {"model.class_mapping": [0, 1]}
    train(DISTILLED, tmp_path, cfg_options=options)
    (last,) = tmp_path.glob("weights_*_last.safetensors")
    meta = read_checkpoint(last)["meta"]
    assert meta["dataset_meta"]["classes"] == ["water", "splash"]


def test_second_run_in_one_folder_is_refused(pond, teacher):
    before = {path: path.stat().st_mtime_ns for path in teacher.rglob("*")}
    with pytest.raises(FileExistsError, match=r"holds a run.* --resume"):
        train(TEACHER, teacher, cfg_options=tiny_run(pond, "model"))
    assert before == {path: path.stat().st_mtime_ns for path in teacher.rglob("*")}


@pytest.mark.parametrize("resume", [True, False])
def test_run_without_a_checkpoint_is_neither_overwritten_nor_resumed(
    pond, tmp_path, resume
):
    work_dir = leave_run(tmp_path, status="failed", iteration=3, reason="lost")
    (work_dir / "weights_run0_best.safetensors").write_bytes(b"kept")
    options = tiny_run(pond, "model")
    message = (
        r"holds a run \(run0, failed at iteration 3: lost\).*no checkpoint.*remove"
    )
    if resume:
        message = (
            r"nothing to resume .*run0, failed at iteration 3: lost is there, with"
        )
    with pytest.raises(OSError, match=message):
        train(PLAIN, work_dir, resume=resume, cfg_options=options)
    assert (work_dir / "weights_run0_best.safetensors").read_bytes() == b"kept"


def test_start_that_failed_before_its_first_step_may_be_repeated(
    pond, tmp_path, monkeypatch
):
    work_dir = leave_run(tmp_path, status="failed", iteration=0)

    def stop(cfg):
        raise KeyboardInterrupt

    monkeypatch.setattr(training.SafeRunner, "from_cfg", stop)
    with pytest.raises(KeyboardInterrupt):
        train(PLAIN, work_dir, cfg_options=tiny_run(pond, "model"))
    found = read_record(work_dir)
    assert found is not None
    assert [attempt.status for attempt in found.attempts] == ["failed"]


@pytest.mark.usefixtures("default_signals")
def test_signal_before_the_first_step_is_recorded(pond, tmp_path, monkeypatch):
    def start(cfg):
        os.kill(os.getpid(), signal.SIGHUP)

    monkeypatch.setattr(training.SafeRunner, "from_cfg", start)
    with pytest.raises(Terminated, match="SIGHUP"):
        train(PLAIN, tmp_path / "run", cfg_options=tiny_run(pond, "model"))
    found = read_record(tmp_path / "run")
    assert found is not None
    assert (found.status, found.reason) == ("stopped", "SIGHUP")
    assert (found.iteration, resumable(tmp_path / "run")) == (0, None)


@pytest.mark.usefixtures("default_signals")
def test_signal_in_a_step_is_recorded_with_its_checkpoint(pond, tmp_path, capsys):
    options = tiny_run(pond, "model", iterations=9)
    options["default_hooks.send"] = {"type": "SendSignalHook", "priority": "LOW"}
    with pytest.raises(Terminated, match="SIGUSR1"):
        train(PLAIN, tmp_path / "run", cfg_options=options)
    told = capsys.readouterr().err
    assert "stopped; --resume continues from iter_1.pth" in told
    found = read_record(tmp_path / "run")
    assert found is not None
    assert (found.status, found.reason, found.iteration) == ("stopped", "SIGUSR1", 1)
    assert found.weights.last is not None
    checkpoint = read_checkpoint(resumable(tmp_path / "run") or "")
    assert checkpoint["meta"]["iter"] == 1
    assert tensors_sha256(checkpoint["state_dict"]) == found.weights.last.sha256


@pytest.mark.parametrize(
    ("options", "fault", "rule"),
    [
        ({"status": "failed", "reason": "lost"}, r"run that failed \(lost\)", "failed"),
        ({}, "holds NaN or infinite values, such as in a", "finite"),
    ],
)
def test_teacher_of_a_run_that_went_wrong_is_refused(tmp_path, options, fault, rule):
    work_dir = leave_run(tmp_path, **{"status": "finished", **options})
    weights = build(segformer()).state_dict()
    if rule == "finite":
        weights["a"] = weights.pop("decode_head.conv_seg.bias") / 0
        weights["decode_head.conv_seg.bias"] = weights.pop("a")
        fault = fault.removesuffix("a") + "decode_head.conv_seg.bias"
    path = work_dir / "weights_run0_best.safetensors"
    write_weights(weights, path, {})
    models = segformer(), segformer()
    with pytest.raises(ValueError, match=rf"{fault}.*allow=\['{rule}'\]"):
        distiller(*models, teacher_checkpoint=str(path)).init_weights()
    gate = {"teacher_gate": {"allow": [rule]}}
    distiller(*models, teacher_checkpoint=str(path), **gate).init_weights()


@pytest.mark.parametrize("named", [True, False])
def test_error_where_no_run_can_be_resumed(pond, tmp_path, monkeypatch, named):
    monkeypatch.setattr(training, "WORK_DIRS", tmp_path)
    work_dir = tmp_path / "run" if named else None
    with pytest.raises(FileNotFoundError, match="nothing to resume in work_dir="):
        train(PLAIN, work_dir, resume=True, cfg_options=tiny_run(pond, "model"))
    assert not list(tmp_path.iterdir())


def test_error_for_missing_data_describes_the_layout(pond, tmp_path):
    options = tiny_run(pond / "nowhere", "model")
    with pytest.raises(FileNotFoundError, match=r"(?s)nowhere.*images/.*make demo"):
        train(PLAIN, tmp_path, cfg_options=options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"cfg_options": {"optim_wrapper.type": "AmpOptimWrapper"}}, "AmpOptimWrapper"),
        ({"cfg_options": {"device": "cuda:0"}}, "device"),
        ({"launcher": "slurm"}, "--launcher slurm"),
    ],
)
def test_gpu_is_required_where_there_is_none(pond, tmp_path, arguments, named):
    options = tiny_run(pond, "model") | arguments.pop("cfg_options", {})
    with pytest.raises(ValueError, match=f"{named}.* needs .*GPU"):
        train(PLAIN, tmp_path, cfg_options=options, **arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
def test_a_cheap_step_on_a_cpu_trains_and_is_recorded(pond, tmp_path):
    cheap = tiny_run(pond, "model", iterations=1) | {
        "model.backbone.embed_dims": 32,  # torch computes 8 wrongly in bfloat16
        "model.decode_head.in_channels": [32] * 4,
        "optim_wrapper.optimizer.fused": True,
        "train_dataloader.dataset.dataset.pipeline.0.type": "LoadImageOnce",
        "custom_hooks": [{"type": "ChannelsLastHook"}],
    }
    train(PLAIN, tmp_path, amp=True, cfg_options=cheap)
    record = read_record(tmp_path)
    assert record is not None
    assert record.status == "finished"
    config = text_values(record.config_text or "")
    assert config["optim_wrapper"]["type"] == "CPUAmpOptimWrapper"
    checkpoint = read_checkpoint(tmp_path / "iter_1.pth", own=True)
    assert "loss_scaler" not in checkpoint["optimizer"]
    weights = [v for v in checkpoint["state_dict"].values() if v.is_floating_point()]
    assert {value.dtype for value in weights} == {torch.float32}
    assert all(value.isfinite().all() for value in weights)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="has no GPU")
def test_mixed_precision_trains(distil_options, tmp_path):
    train(DISTILLED, tmp_path, amp=True, cfg_options=distil_options)
    checkpoint = read_checkpoint(tmp_path / "iter_2.pth")
    assert checkpoint["optimizer"]["loss_scaler"]["scale"] > 0
    assert all(value.isfinite().all() for value in checkpoint["state_dict"].values())

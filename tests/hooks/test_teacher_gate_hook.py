import json
import math
import os
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS
from PIL import Image
from torch import distributed
from torch.nn import functional as F
from torchmetrics.functional.classification import multiclass_calibration_error

from mmseg_splashkd.checkpoint import find_checkpoint, load_strict, read_checkpoint
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.hooks import teacher_gate_hook, teacher_report
from mmseg_splashkd.hooks.teacher_gate_hook import TeacherGateHook
from mmseg_splashkd.hooks.teacher_report import measure_teacher, read_report
from mmseg_splashkd.models.losses import FocalModulatedKDLoss
from mmseg_splashkd.runs.test import evaluate
from mmseg_splashkd.runs.train import train
from tests.conftest import BEST, DISTILLED, TEACHER, tiny_run
from tests.evaluation.test_calibration import fitted_by_scipy
from tests.forks import fork, join
from tests.models.builders import distiller, segformer
from tests.runs.test_test import network_input

REPORT: dict[str, Any] = {
    "metrics": {"mIoU": 70.0, "cross_entropy": 0.5},
    "ece": 0.125,
    "temperature": 1.5,
    "ece_at_temperature": 0.0625,
    "frames": 6,
    "skill": 60.0,
    "trivial_skill": 4.0,
    "pixels": 30720,
}
FITTED: dict[str, Any] = {
    "distill_loss": {"type": "FocalModulatedKDLoss", "temperature": "fitted"}
}


def report_of(work_dir: Path) -> dict[str, Any]:
    return json.loads((work_dir / "teacher.json").read_text())


def log_of(work_dir: Path) -> str:
    """The log of the last training in a folder."""
    return max(work_dir.glob("2*/*.log")).read_text()


def pixel_scores(teacher, work_dir, options) -> dict[str, float]:
    """Pixel metrics of a test of the teacher, without those of bursts."""
    figures = evaluate(TEACHER, teacher / BEST, work_dir, cfg_options=options)
    return {key: value for key, value in figures.items() if "Bursts" not in key}


# The figures.


def test_figures_are_those_of_the_teacher_tested_on_the_validation_part(
    distilled, teacher, pond, tmp_path
):
    options = tiny_run(pond, "model", test_dataloader__dataset__split="val")
    expected = pixel_scores(teacher, tmp_path, options)
    report = report_of(distilled)
    assert report["metrics"] == pytest.approx(expected, rel=1e-6, nan_ok=True)
    assert {"mIoU", "Dice.splash", "cross_entropy"} <= expected.keys()
    assert report["frames"] == 6
    assert report["pixels"] == 6 * 64 * 80


def test_padding_is_removed_as_in_a_test_of_the_teacher(
    teacher, distil_options, pond, tmp_path
):
    padded = {"test_cfg": {"size_divisor": 80}}  # 128 x 192 to 160 x 240
    options = tiny_run(pond, "model", test_dataloader__dataset__split="val")
    options["model.data_preprocessor"] = padded
    expected = pixel_scores(teacher, tmp_path, options)
    both = {
        f"model.{name}.data_preprocessor": padded for name in ("student", "teacher")
    }
    report = measure_teacher(*loaded(distil_options | both))
    assert report["metrics"] == pytest.approx(expected, rel=1e-6, nan_ok=True)


@pytest.fixture(scope="module")
def validation(pond, teacher) -> tuple[torch.Tensor, torch.Tensor]:
    """The teacher's logits (N, C) and labels (N,) of all pixels, computed directly."""
    cfg = read_config(TEACHER, tiny_run(pond, "model"))
    model = MODELS.build(cfg.model).eval()
    weights = read_checkpoint(find_checkpoint(str(teacher / BEST)))["state_dict"]
    load_strict(model, weights, BEST)
    frames = sorted((pond / "images").iterdir())[-9:-3]
    with torch.no_grad():
        logits = torch.cat(
            [model(network_input(frame), mode="tensor") for frame in frames]
        )
    for size in (
        (128, 192),
        (64, 80),
    ):  # network input, frame
        logits = F.interpolate(logits, size, mode="bilinear", align_corners=False)
    paths = [pond / "labels" / frame.name for frame in frames]
    labels = np.stack([np.asarray(Image.open(path)) == 255 for path in paths])
    return logits.movedim(1, -1).flatten(0, 2), torch.from_numpy(
        labels
    ).flatten().long()


def test_calibration_agrees_with_torchmetrics_and_scipy(distilled, validation):
    logits, labels = validation
    report = report_of(distilled)
    temperature = fitted_by_scipy(logits, labels)
    assert report["temperature"] == pytest.approx(temperature, rel=1e-3)
    for key, tempered in (("ece", 1), ("ece_at_temperature", report["temperature"])):
        probabilities = (logits.double() / tempered).softmax(1)
        expected = multiclass_calibration_error(
            probabilities, labels, 2, n_bins=15, norm="l1"
        )
        assert report[key] == pytest.approx(expected.item(), abs=1e-4)
    assert abs(report["ece"] - report["ece_at_temperature"]) > 1e-3


def loaded(options: dict, **loader: Any) -> tuple[Any, Any, Any]:
    """A distiller with its teacher's weights, the validation frames and metrics."""
    init_default_scope("mmseg")
    cfg = read_config(DISTILLED, options)
    cfg.val_dataloader.update(loader)
    model: Any = MODELS.build(cfg.model)
    model.init_weights()
    return model, Runner.build_dataloader(cfg.val_dataloader, seed=0), cfg.val_evaluator


def random_states() -> list:
    numpy_state: Any = np.random.get_state()  # noqa: NPY002
    states = [random.getstate(), numpy_state[1].tolist(), numpy_state[2]]
    return [*states, torch.get_rng_state().tolist()]


@pytest.mark.parametrize("mode", [True, False])
def test_measuring_changes_no_state(distil_options, mode):
    model, loader, metrics = loaded(distil_options)
    model.train(mode)
    modes = [module.training for module in model.modules()]
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    before = random_states()
    measure_teacher(model, loader, metrics)
    assert random_states() == before
    assert [module.training for module in model.modules()] == modes
    for key, value in model.state_dict().items():
        assert torch.equal(value, weights[key]), key
    assert not any(weight.requires_grad for weight in model.teacher.parameters())


def test_figures_do_not_depend_on_the_batch_size(distilled, distil_options):
    model, loader, metrics = loaded(distil_options, batch_size=4)
    report = measure_teacher(model, loader, metrics)
    expected = report_of(distilled)
    figures, other = report.pop("metrics"), expected.pop("metrics")
    assert figures == pytest.approx(other, rel=1e-5, nan_ok=True)
    assert report == pytest.approx(expected, rel=1e-4)


def test_metrics_may_be_those_of_an_evaluator(distilled, distil_options):
    model, loader, metrics = loaded(distil_options)
    evaluator = {"type": "Evaluator", "metrics": metrics}
    expected = report_of(distilled)["metrics"]
    figures = measure_teacher(model, loader, evaluator)["metrics"]
    assert figures == pytest.approx(expected, rel=1e-6, nan_ok=True)
    assert evaluator == {"type": "Evaluator", "metrics": metrics}


def test_mapped_classes_are_those_of_the_student(distil_options):
    swapped = distil_options | {"model.class_mapping": [1, 0]}
    first, second = (
        measure_teacher(*loaded(options))["metrics"]
        for options in (distil_options, swapped)
    )
    assert first["aAcc"] + second["aAcc"] == pytest.approx(100, abs=1e-9)


@pytest.mark.parametrize(
    ("frames", "num_classes", "limit"),
    [(10, 2, 20_000), (10_000, 2, 209), (10_000, 150, 2), (10**8, 150, 1)],
)
def test_memory_of_the_sample_is_bounded(frames, num_classes, limit):
    assert teacher_report._Calibration(frames, num_classes).limit == limit


def _sampled(options: dict) -> dict[str, Any]:
    """The test part, 3 frames, a few of their pixels."""
    teacher_report.PIXELS_PER_FRAME = 200
    options = options | {"val_dataloader.dataset.split": "test"}
    return measure_teacher(*loaded(options))


def _work(rank: int, folder: str, options: dict) -> None:
    os.chdir(folder)  # where mmengine exchanges results
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/init", rank=rank, world_size=2
    )
    Path(folder, f"{rank}.json").write_text(json.dumps(_sampled(options)))
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_measure_as_one(distil_options, tmp_path, monkeypatch):
    monkeypatch.setattr(teacher_report, "PIXELS_PER_FRAME", None)  # and back afterwards
    join(fork(_work, str(tmp_path), distil_options, number=2))
    first, second = (json.loads((tmp_path / f"{r}.json").read_text()) for r in (0, 1))
    expected = _sampled(distil_options)
    assert expected["pixels"] == 3 * 64 * 80  # of two processes, one filled up
    assert first == second
    figures, other = first.pop("metrics"), expected.pop("metrics")
    assert figures == pytest.approx(other, rel=1e-6, nan_ok=True)
    assert first == pytest.approx(expected, rel=1e-6)


# The hook, in a run.


def test_figures_are_logged_before_the_first_step(distilled):
    log, report = log_of(distilled), report_of(distilled)
    begin = log.index("testing the teacher on 6 validation frames")
    logged = log.index("teacher on 6 validation frames  mIoU: ", begin + 20)
    assert logged < log.index("Iter(train)")
    line = log[logged:].splitlines()[0]
    for name, value in {**report["metrics"], **report}.items():
        if name not in ("metrics", "frames", "pixels"):
            assert f"  {name}: {value:.4f}" in line


def test_a_resumed_run_reuses_the_figures(distil_options, tmp_path, monkeypatch):
    # Not a copy of a shared run: mmengine deletes the best checkpoint by its full path.
    run = train(DISTILLED, tmp_path / "run", cfg_options=distil_options)
    report = report_of(run)
    hub = read_checkpoint(run / "iter_2.pth")["message_hub"]
    assert hub["runtime_info"]["teacher_gate"] == report
    (run / "teacher.json").unlink()
    temperatures = []
    monkeypatch.setattr(
        FocalModulatedKDLoss,
        "set_fitted_temperature",
        lambda _, value: temperatures.append(value),
    )
    monkeypatch.setattr(teacher_gate_hook, "measure_teacher", None)
    options = distil_options | {"train_cfg.max_iters": 3}
    train(DISTILLED, run, resume=True, cfg_options=options)
    assert temperatures == [report["temperature"]]
    assert report_of(run) == report


def test_a_teacher_below_the_floor_is_refused(distil_options, tmp_path):
    gate = {"model.teacher_gate": {"floor": {"mIoU": 100.0}}}
    with pytest.raises(ValueError, match=r"mIoU .* is not above 100, .*'floor'\]"):
        train(DISTILLED, tmp_path, cfg_options=distil_options | gate)
    assert not list(tmp_path.glob("iter_*.pth"))
    assert report_of(tmp_path)["frames"] == 6  # written before the error


def test_model_without_a_teacher_passes(teacher):
    assert read_report(teacher) is None
    assert "validation frames" not in log_of(teacher)


# The hook, alone.


class Cached:
    """A model with a cache instead of a teacher."""

    has_teacher = False
    teacher_report: dict | None = REPORT


def runner_of(work_dir: Path, cached: bool = False, iteration: int = 0, **model: Any):
    """The parts of a runner that the hook uses, without validation."""
    built = distiller(segformer(), segformer(), **model)
    if cached:
        built.__class__ = type("Cached", (Cached, type(built)), {})
    lines: list[str] = []
    logger = SimpleNamespace(info=lines.append, warning=lines.append)
    return SimpleNamespace(
        model=built,
        work_dir=str(work_dir),
        iter=iteration,
        val_loop=None,
        hooks=[],
        message_hub=MessageHub(f"hub of {work_dir}"),
        logger=logger,
        lines=lines,
    )


def before_train(runner: Any) -> None:
    TeacherGateHook().before_train(runner)


def test_the_figures_of_a_cached_teacher_are_those_stored(tmp_path):
    runner = runner_of(tmp_path, cached=True, **FITTED)
    before_train(runner)
    assert report_of(tmp_path) == read_report(tmp_path) == REPORT
    assert runner.message_hub.get_info("teacher_gate") == REPORT
    assert runner.model.distill_loss.distill_terms[0].temperature == 1.5
    (line,) = runner.lines
    assert line.startswith("teacher on 6 validation frames  mIoU: 70.0000  ")


@pytest.mark.parametrize(
    ("floor", "message"),
    [
        ({"mIoU": 69.9, "cross_entropy": 0.6}, None),
        ({"mIoU": 70}, "mIoU 70, which is not above 70"),
        ({"Dice.foam": 50}, r"'Dice\.foam'.*mIoU.*cross_entropy"),
    ],
)
@pytest.mark.parametrize("allow", [[], ["floor"]])
def test_figures_are_compared_with_the_floor(tmp_path, floor, message, allow):
    gate = {"floor": floor, "allow": allow}
    runner = runner_of(tmp_path, cached=True, teacher_gate=gate)
    if message is None or (allow and "mIoU" in floor):
        before_train(runner)
    else:  # a metric that does not exist is an error even if the floor is waived
        with pytest.raises(ValueError, match=message):
            before_train(runner)


def test_a_small_lead_over_the_plain_student_is_logged(tmp_path):
    gate = {"plain": {"mIoU": 68.5}}
    runner = runner_of(tmp_path, cached=True, teacher_gate=gate)
    before_train(runner)
    assert "and the plain student 68.50: with a lead of less" in runner.lines[-1]


def test_a_teacher_that_is_no_better_than_one_class_everywhere_is_refused(
    distil_options, tmp_path
):
    options = distil_options | {"model.teacher_gate.allow": []}
    with pytest.raises(ValueError, match=r"the teacher reaches 2\.49 % .*'floor'\]"):
        train(DISTILLED, tmp_path, cfg_options=options)
    assert not list(tmp_path.glob("iter_*.pth"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"skill": 8.9}, None),  # 4 + 5 % of 96 is 8.8
        ({"skill": 8.7}, r"reaches 8\.70 % .* everywhere 4\.00 %: .*below 8\.80 %"),
        ({"skill": 0.15, "trivial_skill": 0.0}, r"reaches 0\.15 %"),
    ],
)
def test_floor_of_its_own_asks_for_more_than_one_class(
    tmp_path, monkeypatch, changes, message
):
    monkeypatch.setattr(Cached, "teacher_report", REPORT | changes)
    if message is None:
        before_train(runner_of(tmp_path, cached=True))
        return
    with pytest.raises(ValueError, match=message):
        before_train(runner_of(tmp_path, cached=True))
    gate = {"allow": ["floor"]}
    before_train(runner_of(tmp_path, cached=True, teacher_gate=gate))
    gate = {"floor": {"mIoU": 60.0}}  # names the condition
    before_train(runner_of(tmp_path, cached=True, teacher_gate=gate))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"skill": math.nan, "trivial_skill": math.nan},
            "the teacher was not compared",
        ),
        (
            {"skill": 40.0, "metrics": {"Dice.water": 99.0, "Dice.splash": 0.15}},
            "at the threshold 0.5 the teacher has Dice 0.15, at its best one 40.00",
        ),
    ],
)
def test_what_the_floor_does_not_say_is_a_warning(tmp_path, monkeypatch, changes, line):
    monkeypatch.setattr(Cached, "teacher_report", REPORT | changes)
    runner = runner_of(tmp_path, cached=True)
    before_train(runner)
    assert runner.lines[1].startswith(line)


@pytest.mark.parametrize("cached", [False, True])
def test_an_untested_teacher_is_a_warning_or_an_error(tmp_path, cached, monkeypatch):
    monkeypatch.setattr(Cached, "teacher_report", None)
    runner = runner_of(tmp_path, cached)
    before_train(runner)
    cause = "cache holds no figures" if cached else "there is no val_dataloader"
    (line,) = runner.lines
    assert line.startswith("the teacher was not tested: ")
    assert cause in line
    assert read_report(tmp_path) is None
    with pytest.raises(ValueError, match=rf"temperature='fitted' .*{cause}"):
        before_train(runner_of(tmp_path, cached, **FITTED))
    gate = {"floor": {"mIoU": 60}}
    with pytest.raises(ValueError, match=rf"floor={{'mIoU': 60}} .*{cause}.*'floor'\]"):
        before_train(runner_of(tmp_path, cached, teacher_gate=gate))
    before_train(runner_of(tmp_path, cached, teacher_gate=gate | {"allow": ["floor"]}))


def test_only_a_resumed_run_reuses_stored_figures(tmp_path):
    fresh, resumed = runner_of(tmp_path), runner_of(tmp_path, iteration=7)
    for runner in (fresh, resumed):
        runner.message_hub.update_info("teacher_gate", REPORT)
        before_train(runner)
    assert "not tested" in fresh.lines[0]
    assert resumed.lines[0].startswith("teacher on 6 validation frames")


def test_a_resumed_run_without_stored_figures_measures_the_teacher(tmp_path):
    runner = runner_of(tmp_path, cached=True, iteration=7)
    before_train(runner)
    assert report_of(tmp_path) == REPORT


def test_an_untrained_teacher_may_be_as_bad_as_one_class(tmp_path, monkeypatch):
    monkeypatch.setattr(Cached, "teacher_report", REPORT | {"skill": 1.0})
    runner = runner_of(tmp_path, cached=True, teacher_control="untrained")
    before_train(runner)
    assert report_of(tmp_path)["skill"] == 1.0
    assert runner.lines[-1].startswith("the teacher is untrained (teacher_control=")
    gate = {"floor": {"mIoU": 99}}
    runner = runner_of(
        tmp_path, cached=True, teacher_control="untrained", teacher_gate=gate
    )
    with pytest.raises(ValueError, match="mIoU 70, which is not above 99"):
        before_train(runner)


def test_labels_are_not_tested(tmp_path):
    runner = runner_of(tmp_path)
    runner.model = distiller(segformer(), "labels")
    before_train(runner)
    assert runner.lines == []
    assert not (tmp_path / "teacher.json").exists()


def test_a_teacher_that_cannot_be_tested_is_named(tmp_path, monkeypatch):
    def measure(*_: object) -> None:
        raise ValueError("logits hold values that are not finite: check the model")

    monkeypatch.setattr(teacher_gate_hook, "measure_teacher", measure)
    runner = runner_of(tmp_path)
    runner.val_loop, runner.cfg = object(), {"val_evaluator": []}
    runner.val_dataloader = SimpleNamespace(dataset=[])
    fault = "teacher_checkpoint a.pth holds NaN or infinite values, such as in head.b"
    runner.model.teachers.faults = [("failed", "of a lost run")]
    with pytest.raises(ValueError, match=r"^logits hold values"):
        before_train(runner)
    runner.model.teachers.faults.append(("finite", fault))
    with pytest.raises(ValueError, match=rf"logits hold values .*, as {fault}$"):
        before_train(runner)


def test_temperature_at_an_end_is_flagged(tmp_path, monkeypatch):
    monkeypatch.setattr(Cached, "teacher_report", REPORT | {"temperature": 1 / 20})
    runner = runner_of(tmp_path, cached=True)
    before_train(runner)
    assert "temperature 0.05 is an end of [0.05, 20]" in runner.lines[1]


def test_nan_figures_are_kept(tmp_path, monkeypatch):
    report = REPORT | {"metrics": {"Dice.foam": math.nan}}
    monkeypatch.setattr(Cached, "teacher_report", report)
    before_train(runner_of(tmp_path, cached=True))
    assert math.isnan(report_of(tmp_path)["metrics"]["Dice.foam"])

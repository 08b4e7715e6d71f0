import re
from types import SimpleNamespace
from typing import Any

import pytest
from mmengine.logging import MessageHub

from mmseg_splashkd.hooks.distill_log_hook import (
    DistillLogHook,
    averaged,
    teacher_share,
)
from tests.models.builders import distiller, segformer


class Run:
    """The parts of a runner that the hook uses, with a history written by hand."""

    def __init__(self, name: str, length: int = 400, **loss) -> None:
        loss = {"type": "FocalModulatedKDLoss", **loss}
        self.model = distiller(segformer(), segformer(), distill_loss=loss)
        self.message_hub = MessageHub(name)
        self.lines: list[str] = []
        self.logger = SimpleNamespace(warning=self.lines.append)
        self.max_iters, self.iter = length, -1
        self.hook: Any = DistillLogHook()

    def go_on(self, iterations: int, teacher: float, total: float = 1.0) -> None:
        for _ in range(iterations):
            self.iter += 1
            values = {"loss_distill": teacher, "loss": total, "modulation": 0.01}
            for key, value in values.items():
                self.message_hub.update_scalar(f"train/{key}", value)
            self.hook.after_train_iter(self, self.iter)


def test_a_teacher_without_weight_is_a_warning_once_per_spell(request):
    run = Run(request.node.name)
    run.go_on(100, 0.02)
    assert not run.lines
    run.go_on(200, 0.0004)
    (line,) = run.lines
    assert "the teacher's terms are 0.04 % of the loss" in line
    assert "model.distill_loss.modulate='none'" in line
    assert "is 0.01 on average" in line
    run.go_on(99, 0.02)
    run.go_on(1, 0.02)  # above again, at the end of a window
    assert len(run.lines) == 1
    run.max_iters = 1000
    run.go_on(100, 0.009)
    assert len(run.lines) == 2


def test_the_last_window_may_be_short(request):
    run = Run(request.node.name, length=30)
    run.go_on(29, 0.0)
    assert not run.lines
    run.go_on(1, 0.0)
    assert "are 0 % of the loss" in run.lines[0]


def test_modulation_is_not_named_where_there_is_none(request):
    run = Run(request.node.name, modulate="none")
    run.go_on(100, 0.0)
    assert "modulate" not in run.lines[0]
    assert "teacher_ratio" in run.lines[0]


@pytest.mark.parametrize("ratio", [0.0, {"kind": "linear", "end": 1.0, "until": 1000}])
def test_a_weight_of_zero_by_the_config_is_no_warning(request, ratio):
    run = Run(request.node.name, teacher_ratio=ratio)
    run.go_on(100, 0.0)
    assert not run.lines


def test_share_is_that_of_all_terms(request):
    hub = MessageHub(request.node.name)
    assert teacher_share(hub, ["distill"]) is None
    for key, value in {"loss": 4.0, "loss_distill": 0.5, "loss_cwd": 1.5}.items():
        hub.update_scalar(f"train/{key}", value)
    assert teacher_share(hub, ["distill", "cwd"]) == 0.5


def test_weighted_and_unweighted_terms_are_averaged_alike():
    pattern = averaged(re.compile(r".*(loss|time).*"), ["distill", "a.b"])
    for name in (
        "loss_label",
        "label",
        "loss_distill",
        "distill",
        "a.b",
        "acc_teacher",
    ):
        assert re.search(pattern, name), name
    for name in ("lr", "teacher_ratio", "Acc.distill", "mIoU", "axb"):
        assert not re.search(pattern, name), name


def test_log_of_a_run_averages_label_as_loss_label(distilled):
    (log,) = distilled.glob("2*/*.log")
    lines = re.findall(r"loss_label: ([0-9.]+)  label: ([0-9.]+)", log.read_text())
    assert len(lines) == 2
    for weighted, plain in lines:  # r = 0.5, without modulation of the label term
        assert float(weighted) == pytest.approx(float(plain) / 2, abs=1e-4)

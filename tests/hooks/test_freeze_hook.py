from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmseg.registry import HOOKS

from mmseg_splashkd.hooks import FreezeHook
from tests.hooks.small_runs import small_run
from tests.models.builders import build, distiller, fcn

BEFORE: dict = {}


@HOOKS.register_module()
class TrainHeads(FreezeHook):
    """``FreezeHook`` without arguments, for ``small_run``."""

    def __init__(self) -> None:
        super().__init__(["decode_head", "auxiliary_head"])

    def before_train(self, runner) -> None:
        super().before_train(runner)
        weights = runner.model.named_parameters()  # after their initialisation
        BEFORE.update({name: weight.detach().clone() for name, weight in weights})


def test_only_the_named_modules_are_trained(tmp_path):
    model = build(fcn())
    small_run(model, tmp_path, hooks=("TrainHeads",)).train()
    changed = {
        name
        for name, weight in model.named_parameters()
        if not torch.equal(weight, BEFORE[name])
    }
    assert changed == {name for name in BEFORE if not name.startswith("backbone.")}


def test_a_part_of_a_name_is_the_whole_name_of_a_module(tmp_path):
    model = build(fcn())
    FreezeHook(["conv_seg"]).before_train(runner_of(model))
    trained = [
        name for name, weight in model.named_parameters() if weight.requires_grad
    ]
    assert trained == [
        f"{head}.conv_seg.{kind}"
        for head in ("decode_head", "auxiliary_head")
        for kind in ("weight", "bias")
    ]


def runner_of(model: Any) -> Any:
    """What the hook reads of a runner."""
    return SimpleNamespace(model=model, logger=None)


def test_an_unknown_module_is_an_error():
    text = r"trained=\['decode_haed'\] names no module .* such as .*'decode_head'"
    with pytest.raises(ValueError, match=text):
        FreezeHook(["decode_haed", "backbone"]).before_train(runner_of(build(fcn())))


def test_the_modules_of_a_student_are_named_as_without_a_teacher():
    model = distiller(fcn(auxiliary=False), fcn())
    with pytest.raises(ValueError, match=r"such as \['backbone', 'decode_head'\]"):
        FreezeHook(["student"]).before_train(runner_of(model))
    FreezeHook(["decode_head"]).before_train(runner_of(model))
    assert all(weight.requires_grad for weight in model.decode_head.parameters())
    assert not any(weight.requires_grad for weight in model.backbone.parameters())


def test_what_is_trained_beside_a_student_stays_trained():
    method = {"type": "Adversarial", "channels": 2}
    model = build({"type": "AdaptationSegmentor", "student": fcn(), "method": method})
    FreezeHook(["decode_head"]).before_train(runner_of(model))
    assert all(weight.requires_grad for weight in model.method.parameters())
    assert not any(weight.requires_grad for weight in model.backbone.parameters())
    teacher = {"type": "MeanTeacher"}
    model = build({"type": "AdaptationSegmentor", "student": fcn(), "method": teacher})
    FreezeHook(["decode_head"]).before_train(runner_of(model))
    assert not any(weight.requires_grad for weight in model.method.parameters())


@pytest.mark.parametrize("trained", ["decode_head", []], ids=["text", "empty"])
def test_a_list_of_names_is_needed(trained):
    with pytest.raises(ValueError, match="must be a list of names of modules"):
        FreezeHook(trained)

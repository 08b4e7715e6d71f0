"""Discriminators have a group of their own in one optimizer."""

from typing import Any

import pytest
from mmengine.config import ConfigDict
from mmengine.optim import build_optim_wrapper

from tests.models.adaptation.test_adaptation_segmentor import adapter
from tests.models.builders import fcn

ADAMW = {"type": "AdamW", "lr": 0.01, "weight_decay": 0.1}


def wrapper(model: Any, optimizer: dict = ADAMW, **paramwise: Any) -> Any:
    config = {
        "type": "OptimWrapper",
        "optimizer": optimizer,
        "constructor": "AdaptationOptimConstructor",
        "paramwise_cfg": paramwise,
    }
    return build_optim_wrapper(model, ConfigDict(config))


def test_groups_of_both():
    model = adapter(fcn(), "Adversarial", auxiliary_weight=1e-4)
    rules = {"backbone": {"lr_mult": 0.25}, "norm": {"decay_mult": 0.0}}
    built = wrapper(model, custom_keys=rules, discriminator={"lr": 3e-4})
    found = {}
    for group in built.optimizer.param_groups:
        for parameter in group["params"]:
            found[id(parameter)] = group["lr"], group["betas"], group["weight_decay"]
    for judge in model.method.discriminators.values():
        for parameter in judge.parameters():
            assert found[id(parameter)] == (3e-4, (0.9, 0.99), 0.0)
    student = model.student
    assert found[id(student.backbone.layer1[0].conv1.weight)][::2] == (0.0025, 0.1)
    assert found[id(student.decode_head.conv_seg.weight)][::2] == (0.01, 0.1)
    assert len(found) == len(list(model.parameters()))


def test_without_options_it_has_the_defaults_of_the_papers():
    model = adapter(fcn(), "Adversarial")
    *_, last = wrapper(model).optimizer.param_groups
    assert (last["lr"], last["betas"], last["weight_decay"]) == (1e-4, (0.9, 0.99), 0)


def test_a_model_without_a_discriminator_is_trained_as_by_the_host():
    model = adapter(fcn(), "MinEntropy")
    groups = wrapper(model).optimizer.param_groups
    assert {group["lr"] for group in groups} == {0.01}
    with pytest.raises(ValueError, match="the model has no discriminator"):
        wrapper(model, discriminator={"lr": 1e-3})


def test_options_that_the_optimizer_does_not_know_are_errors():
    model = adapter(fcn(), "Adversarial")
    with pytest.raises(ValueError, match="SGD has no betas, which discriminators need"):
        wrapper(model, {"type": "SGD", "lr": 0.1})
    with pytest.raises(ValueError, match="AdamW has no learning_rate"):
        wrapper(model, discriminator={"learning_rate": 1e-3})

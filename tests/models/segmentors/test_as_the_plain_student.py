"""What a recipe does to a plain model, it does to the student of a distillation.

Without a weight for the teacher, both must end with equal weights, bit by bit, and with
equal rates for every parameter.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.optim import build_optim_wrapper
from torch import Tensor, nn

from mmseg_splashkd.models import DistillSegmentor
from tests.hooks.small_runs import small_run
from tests.models.builders import build, fcn, losses_of, random_batch, segformer

# BEiT of MMSegmentation.
pytestmark = pytest.mark.filterwarnings("ignore:torch.meshgrid:UserWarning")

LABELS = {"type": "FocalModulatedKDLoss", "teacher_ratio": 0.0, "modulate": "none"}
SGD = {"type": "SGD", "lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}
ADAMW = {"type": "AdamW", "lr": 0.01, "weight_decay": 0.05}


def beit() -> dict:
    """Config of a BEiT of two layers; its rates are set layer by layer."""
    config = fcn(auxiliary=False)
    config["backbone"] = {
        "type": "BEiT",
        "img_size": (32, 32),
        "patch_size": 8,
        "embed_dims": 16,
        "num_layers": 2,
        "num_heads": 2,
        "out_indices": (0, 1),
        "final_norm": True,
    }
    config["decode_head"] |= {"in_channels": 16, "in_index": 1}
    return config


def frozen() -> dict:
    """Config of an FCN whose first two stages and batch statistics are frozen."""
    config = fcn()
    config["backbone"] |= {"frozen_stages": 2, "norm_eval": True}
    return config


Both = Callable[..., tuple[Any, DistillSegmentor]]


@pytest.fixture
def both(tmp_path) -> Both:
    """Function that makes a plain model, and it with a teacher without weight."""
    return partial(_both, tmp_path / "teacher.pth")


def _both(file: Path, config: dict, **loss: Any) -> tuple[Any, DistillSegmentor]:
    distilled = {"type": "DistillSegmentor", "student": config, "teacher": segformer()}
    distilled |= {"distill_loss": LABELS | loss, "teacher_checkpoint": str(file)}
    plain, model = build(config), build(distilled)
    torch.save(model.teacher.state_dict(), file)
    model.student.load_state_dict(plain.state_dict())
    return plain, model


def bare(model: Any) -> nn.Module:
    return model.student if isinstance(model, DistillSegmentor) else model


def rates(model: Any, options: dict) -> dict[str, tuple[float, float]]:
    """Parameter -> learning rate and weight decay; frozen ones are missing."""
    wrapper = build_optim_wrapper(model, options)
    names = {id(value): name for name, value in bare(model).named_parameters()}
    return {
        names[id(value)]: (group["lr"], group["weight_decay"])
        for group in wrapper.optimizer.param_groups
        for value in group["params"]
        if id(value) in names
    }


LAYER_WISE = {
    "constructor": "LearningRateDecayOptimizerConstructor",
    "optimizer": ADAMW,
    "paramwise_cfg": {"num_layers": 2, "decay_rate": 0.5, "decay_type": "layer_wise"},
}
BY_KEY = {
    "optimizer": SGD,
    "paramwise_cfg": {
        "custom_keys": {"backbone.layer1": {"lr_mult": 0.1}, "head": {"lr_mult": 10.0}},
        "norm_decay_mult": 0.0,
        "bias_lr_mult": 2.0,
    },
}


@pytest.mark.parametrize(
    ("config", "options", "distinct"),
    [(beit, LAYER_WISE, 8), (fcn, BY_KEY, 4), (frozen, BY_KEY, 3)],
    ids=["layer-wise", "by key", "frozen"],
)
def test_every_parameter_has_the_rate_of_the_plain_student(
    both, config, options, distinct
):
    plain, model = both(config())
    expected = rates(plain, options)
    assert rates(model, options) == expected
    assert len(set(expected.values())) == distinct
    learning = [n for n, value in plain.named_parameters() if value.requires_grad]
    assert sorted(expected) == sorted(learning)


def test_names_are_those_of_the_plain_student_and_of_the_loss(both):
    features = {"type": "FeatureMSELoss", "tap": "fused", "weight": 1.0}
    plain, model = both(fcn(), teacher_ratio=0.5, terms=[features])
    own = dict(plain.named_parameters())
    names = [name for name, _ in model.named_parameters()]
    assert names[: len(own)] == list(own)
    assert {name.split(".")[0] for name in names[len(own) :]} == {"distill_loss"}
    outer = nn.ModuleDict({"inner": model})
    assert [name for name, _ in outer.named_parameters()] == [
        f"inner.{name}" if name.startswith("distill_loss") else f"inner.student.{name}"
        for name in names
    ]
    assert dict(model.named_parameters("x")).keys() == {f"x.{name}" for name in names}


def weights_after(model: Any, work_dir: Path, **options: Any) -> dict[str, Tensor]:
    """Weights, and those of a moving average, after four iterations."""
    runner = small_run(model, work_dir, steps=4, **options)
    runner.train()
    found = dict(bare(model).state_dict())
    for hook in runner.hooks:
        if isinstance(hook, EMAHook):
            average = hook.ema_model.module.state_dict()
            found |= {f"average of {name}": value for name, value in average.items()}
    return found


def frozen_parts(model: Any) -> list[str]:
    """Parameters without gradient, and modules in eval mode."""
    student = bare(model)
    fixed = [n for n, value in student.named_parameters() if not value.requires_grad]
    return fixed + [name for name, each in student.named_modules() if not each.training]


RECIPES: dict[str, tuple[Any, dict]] = {
    "auxiliary head": (fcn, {}),
    "frozen stages": (frozen, {}),
    "layer-wise rates": (beit, {"optim_wrapper": LAYER_WISE}),
    "rates by key": (fcn, {"optim_wrapper": BY_KEY}),
    "accumulated gradients": (
        fcn,
        {"optim_wrapper": {"optimizer": SGD, "accumulative_counts": 2}},
    ),
    "clipped gradients": (
        segformer,
        {"optim_wrapper": {"optimizer": ADAMW, "clip_grad": {"max_norm": 0.01}}},
    ),
    "moving average": (segformer, {"hooks": ("EMAHook",)}),
    "warm-up": (
        fcn,
        {
            "param_scheduler": [
                {"type": "LinearLR", "start_factor": 0.1, "end": 3, "by_epoch": False}
            ]
        },
    ),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_ends_with_the_weights_of_the_plain_student(both, recipe, tmp_path):
    config, options = RECIPES[recipe]
    plain, model = both(config())
    expected = weights_after(plain, tmp_path / "plain", **options)
    found = weights_after(model, tmp_path / "distilled", **options)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
    assert expected["decode_head.conv_seg.bias"].any()  # it was 0
    assert frozen_parts(model) == frozen_parts(plain)
    assert bool(frozen_parts(plain)) == (config is frozen)


def test_losses_are_those_of_the_plain_student(both):
    plain, model = both(fcn())
    expected = losses_of(plain, random_batch())
    found = losses_of(model, random_batch())
    total = sum(value for name, value in expected.items() if "loss" in name)
    assert sum(v for name, v in found.items() if "loss" in name) == total

"""Misspelt types of every registry are refused when a config is read."""

from typing import Any

import pytest
from mmengine.hooks import CheckpointHook

from mmseg_splashkd.config.faults import ConfigError
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.type_check import check_types
from tests.conftest import PLAIN
from tests.runs.broken_configs import changed

METRIC = {"type": "DiceMetric"}
FILE = {"type": "LoadImageFromFil"}
LOADED = {"type": "LoadImageFromFile"}
REPEATED = {"type": "RepeatDataset", "times": 2}
# Dotted key of the type -> (changes of the config, the name that is suggested).
KD = {"type": "DistillSegmentor"}
LOSS = {"type": "FocalModulatedKDLoss"}
MISSPELT: dict[str, tuple[dict[str, Any], str]] = {
    "val_evaluator": ({"val_evaluator": {"type": "DiceMetirc"}}, "DiceMetric"),
    "test_evaluator[1]": (
        {"test_evaluator": [METRIC, {"type": "DiceMetirc"}]},
        "DiceMetric",
    ),
    "val_evaluator.metrics[0]": (
        {"val_evaluator": {"type": "Evaluator", "metrics": [{"type": "IoUMetrc"}]}},
        "IoUMetric",
    ),
    "custom_hooks[0]": ({"custom_hooks": [{"type": "EarlyStopHok"}]}, "EarlyStopHook"),
    "default_hooks.logger": (
        {"default_hooks.logger": {"type": "mmengine.LogerHook"}},
        "LoggerHook",
    ),
    "train_dataloader.dataset.dataset": (
        {"train_dataloader.dataset": {**REPEATED, "dataset": {"type": "BaseSegData"}}},
        "BaseSegDataset",
    ),
    "test_dataloader.dataset.pipeline[0]": (
        {
            "test_dataloader": {
                "dataset": {"type": "TimeSplitDataset", "pipeline": [FILE]}
            }
        },
        "LoadImageFromFile",
    ),
    "tta_pipeline[1].transforms[0][0]": (
        {"tta_pipeline": [LOADED, {"type": "TestTimeAug", "transforms": [[FILE]]}]},
        "LoadImageFromFile",
    ),
    "train_dataloader.collate_fn": (
        {"train_dataloader.collate_fn": {"type": "pseudo_colate"}},
        "pseudo_collate",
    ),
    "train_dataloader.sampler": (
        {"train_dataloader.sampler.type": "InfinitSampler"},
        "InfiniteSampler",
    ),
    "model.decode_head.loss_decode[0]": (
        {"model.decode_head.loss_decode": [{"type": "FocalLos"}]},
        "FocalLoss",
    ),
    "model.student.backbone": (
        {
            "model": {
                "type": "DistillSegmentor",
                "student": {
                    "type": "EncoderDecoder",
                    "backbone": {"type": "MixVisonTransformer"},
                },
            }
        },
        "MixVisionTransformer",
    ),
    "model.distill_loss.label_loss[0]": (
        {
            "model": {
                **KD,
                "distill_loss": {**LOSS, "label_loss": [{"type": "DiceLos"}]},
            }
        },
        "DiceLoss",
    ),
    "model.distill_loss.terms[0]": (
        {"model": {**KD, "distill_loss": {**LOSS, "terms": [{"type": "KLDLos"}]}}},
        "KLDLoss",
    ),
    "optim_wrapper": ({"optim_wrapper.type": "OptimWraper"}, "OptimWrapper"),
    "optim_wrapper.optimizer": ({"optim_wrapper.optimizer.type": "AdmW"}, "AdamW"),
    "param_scheduler.head[0]": (
        {"param_scheduler": {"head": [{"type": "PolyLRR"}]}},
        "PolyLR",
    ),
    "visualizer.vis_backends[0]": (
        {"visualizer.vis_backends": [{"type": "LocalVisBackendd"}]},
        "LocalVisBackend",
    ),
    "val_cfg": ({"val_cfg.type": "ValLop"}, "ValLoop"),
}


class OwnData:
    """A data set that is no data set of the host, and builds its pipeline itself."""


@pytest.mark.parametrize("key", MISSPELT)
def test_a_misspelt_type_is_named_with_the_nearest(key: str):
    changes, name = MISSPELT[key]
    with pytest.raises(ConfigError) as caught:
        check_types(changed(changes))
    assert str(caught.value).startswith(f"{key}.type=")
    assert str(caught.value).endswith(f": did you mean {name!r}?")


def test_a_misspelt_constructor_is_named():
    cfg = changed({"optim_wrapper.constructor": "DefaultOptimWrapperConstrctor"})
    with pytest.raises(
        ConfigError, match=r"^optim_wrapper\.constructor=.*did you mean"
    ):
        check_types(cfg)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"custom_hooks": [{"type": CheckpointHook}, CheckpointHook()]},
        {"default_hooks.logger": None, "custom_hooks": None, "optim_wrapper": None},
        {"custom_hooks": [{"type": "absent_package.Hook"}]},
        {"custom_hooks": [{"type": "OwnHook", "_scope_": "absent_package"}]},
        {"default_scope": "absent_package", "model": {"type": "OwnModel"}},
        {"val_dataloader.dataset": {"type": OwnData, "pipeline": [{"type": "mine"}]}},
        {
            "train_dataloader.dataset": {
                "type": "TimeSplitDataset",
                "pipeline": [{"type": "Albu", "transforms": [{"type": "RandomRotat"}]}],
            }
        },
        {
            "optim_wrapper": {
                "constructor": "LearningRateDecayOptimizerConstructor",
                "optimizer": {"type": "Mine"},
            }
        },
    ],
    ids=[
        "plain",
        "classes",
        "none",
        "foreign",
        "scope",
        "default scope",
        "own data",
        "albumentations",
        "constructor",
    ],
)
def test_what_the_host_can_build_or_looks_up_elsewhere_is_accepted(changes):
    check_types(changed(changes))


def test_a_type_is_checked_when_the_config_is_read():
    options = {"test_evaluator": {"_delete_": True, "type": "DiceMetirc"}}
    with pytest.raises(ConfigError, match=r"^test_evaluator\.type='DiceMetirc' is not"):
        read_config(PLAIN, options)

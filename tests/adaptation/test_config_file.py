"""What can be adapted, and the length and rate of it."""

from typing import Any

import pytest
from mmengine.config import Config

from mmseg_splashkd.adaptation.config_file import adapted_schedule, check_adaptable

FRAMES = {"type": "TimeSplitDataset", "split": "val"}


def config(**changes: Any) -> Config:
    """A config that can be adapted, with changes."""
    training = {"type": "ViewDataset", "dataset": FRAMES}
    parts: dict[str, Any] = {
        "model": {"type": "EncoderDecoder"},
        "train_dataloader": {"dataset": training},
        "val_dataloader": {"dataset": FRAMES},
        "train_cfg": {"type": "IterBasedTrainLoop", "max_iters": 100},
        "max_iters": 100,
        "optim_wrapper": {"optimizer": {"type": "AdamW", "lr": 0.01}},
        "default_hooks": {"checkpoint": {"interval": 100, "save_best": "mIoU"}},
        "param_scheduler": [
            {"type": "OneCycleLR", "eta_max": 0.02, "total_steps": 100, "by_epoch": 0}
        ],
    }
    return Config({**parts, **changes})


def test_length_and_all_rates_are_those_of_an_adaptation():
    cfg = config()
    found = adapted_schedule(cfg, None)
    assert (found.train_cfg.max_iters, found.max_iters) == (50, 50)
    (scheduler,) = found.param_scheduler
    assert (scheduler.eta_max, scheduler.total_steps) == (0.005, 50)
    assert found.optim_wrapper.optimizer.lr == 0.0025
    assert cfg.optim_wrapper.optimizer.lr == 0.01
    assert adapted_schedule(cfg, 7).train_cfg.max_iters == 7
    with pytest.raises(ValueError, match="length=0 must be at least 1"):
        adapted_schedule(cfg, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model": {"type": "DistillSegmentor", "student": {}}},
            "student inside a DistillSegmentor: give the plain config",
        ),
        ({"train_dataloader": {"dataset": FRAMES}}, "inside a ViewDataset: write"),
        ({"val_dataloader": None}, "no val_dataloader with one TimeSplitDataset"),
        (
            {
                "val_dataloader": {
                    "dataset": {"type": "ConcatDataset", "datasets": [FRAMES, FRAMES]}
                }
            },
            "no val_dataloader with one TimeSplitDataset",
        ),
        ({"optim_wrapper": {"optimizer": {"type": "SGD"}}}, "names no optim_wrapper"),
        (
            {"default_hooks": {"checkpoint": {"save_best": ["mIoU", "mDice"]}}},
            "best of several metrics",
        ),
    ],
)
def test_what_cannot_be_adapted_is_refused_at_once(changes, message):
    check_adaptable(config())
    with pytest.raises(ValueError, match=message):
        check_adaptable(config(**changes))

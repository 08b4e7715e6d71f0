"""Losses of a distillation in words."""

from typing import Any

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.loss_words import loss_words
from mmseg_splashkd.config.reading import read_config
from tests.conftest import CONFIGS


def words(share: float | None = None, **loss: Any) -> str:
    sampler = {} if share is None else {"unlabelled_share": share}
    model = {"type": "DistillSegmentor", "distill_loss": loss}
    loader = {"sampler": sampler}
    return loss_words(Config({"model": model, "train_dataloader": loader}))


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ({}, "focal and KLDLoss"),
        (
            {"label_loss": "ce", "class_weight": [1, 2]},
            "ce, class weights, and KLDLoss",
        ),
        (
            {"terms": [{"type": "KLDLoss"}, {"type": "CWDLoss"}]},
            "focal and CWDLoss + KLDLoss",
        ),
        (
            {"label_loss": [{"type": "DiceLoss"}, {"type": "LovaszLoss"}]},
            "DiceLoss + LovaszLoss and KLDLoss",
        ),
    ],
)
def test_words_by_hand(loss, expected):
    assert words(**loss) == expected
    assert words(share=0.25, **loss) == f"{expected}, 25% of a batch without labels"


def test_words_of_the_recipe():
    cfg = read_config(CONFIGS / "kd" / "segformer_b0_splash.py")
    expected = "ce and KLDLoss, 50% of a batch without labels"
    assert loss_words(cfg) == expected

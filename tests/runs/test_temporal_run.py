"""A run with pairs of frames is resumed bit by bit, and its test measures flicker."""

import pytest
import torch

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.runs.test import evaluate
from mmseg_splashkd.runs.train import train
from tests.conftest import PLAIN, tiny_run


@pytest.mark.slow
def test_a_resumed_run_with_pairs_ends_with_the_same_weights(pond, tmp_path):
    options = tiny_run(pond, "model", iterations=2)
    options |= {
        "model.type": "TemporalEncoderDecoder",
        "model.temporal_loss": {"type": "TemporalConsistencyLoss", "weight": 10.0},
        "train_dataloader.dataset.dataset.neighbour": "4s",
        "default_hooks.checkpoint.interval": 1,
        "max_iters": 2,  # of the schedule
        "custom_hooks": [*read_config(PLAIN).custom_hooks, {"type": "FlickerHook"}],
    }
    whole = train(PLAIN, tmp_path / "whole", cfg_options=options)
    half = options | {"train_cfg.max_iters": 1}
    train(PLAIN, tmp_path / "half", cfg_options=half)
    again = train(PLAIN, tmp_path / "half", resume=True, cfg_options=options)
    first, second = (
        read_checkpoint(run / "iter_2.pth")["state_dict"] for run in (whole, again)
    )
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert torch.equal(value, second[key]), key
    (log,) = whole.glob("2*/*.log")
    text = log.read_text()
    assert "have no neighbour within 4 s, and no temporal loss" in text
    assert "loss_temporal: " in text
    assert "paired: " in text
    (last,) = whole.glob("weights_*_last.safetensors")
    found = evaluate(PLAIN, last, tmp_path / "test", cfg_options=options)
    assert 0 <= found["Flicker"] <= 100
    assert found["mTC"] > 0

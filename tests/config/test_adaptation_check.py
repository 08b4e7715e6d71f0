"""Configs of an adaptation: what belongs together, and two cameras in one config."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.config.adaptation_check import check_adaptation
from mmseg_splashkd.config.class_shares import class_shares
from mmseg_splashkd.config.data_check import check_data, frames_by_part
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.datasets.split_table import read_table, write_table
from mmseg_splashkd.datasets.synthetic import draw_pond
from mmseg_splashkd.runs.train import train
from tests.conftest import CONFIGS, tiny
from tests.datasets.checks.builders import clean_pond

FOLDER = CONFIGS / "adaptation"
END = "segformer_b0_farmA2farmB.py"
METHODS = ("minent", "adaptsegnet", "advent", "mean_teacher")
CONSTRUCTOR = "optim_wrapper.constructor"


@pytest.fixture(scope="module")
def farm_b(tmp_path_factory) -> Path:
    """A longer recording of another camera, with the same name and begin."""
    folder = tmp_path_factory.mktemp("b") / "pond"
    draw_pond(folder, frames=60, size=(64, 80), farm="B", seed=1, progress=False)
    return folder


def options(source: Path, target: Path) -> dict[str, Any]:
    return {"source_root": str(source), "target_root": str(target), "embargo": 0}


@pytest.mark.parametrize("method", METHODS)
def test_pairs_and_their_model_belong_together(method):
    cfg = read_config(FOLDER / f"{method}_{END}")
    check_adaptation(cfg)
    model = cfg.model
    cfg.model = model.student
    with pytest.raises(ValueError, match="EncoderDecoder does not use them: wrap the"):
        check_adaptation(cfg)
    source = read_config(FOLDER / f"source_{END}")
    check_adaptation(source)
    source.model = model
    with pytest.raises(ValueError, match="wrap its data set in a SourceTargetDataset"):
        check_adaptation(source)


@pytest.mark.parametrize("constructor", [None, "DefaultOptimWrapperConstructor"])
def test_discriminators_need_their_constructor(constructor):
    changed = {CONSTRUCTOR: constructor}
    check_adaptation(read_config(FOLDER / f"minent_{END}", changed))
    with pytest.raises(
        ValueError, match=f"{CONSTRUCTOR}='?{constructor}'? would train"
    ):
        check_adaptation(read_config(FOLDER / f"advent_{END}", changed))
    methods = [{"type": "MinEntropy"}, {"type": "Adversarial"}]
    changed["model.method"] = {
        "_delete_": True,
        "type": "MethodSum",
        "methods": methods,
    }
    with pytest.raises(ValueError, match=r"constructor=.* would train"):
        check_adaptation(read_config(FOLDER / f"minent_{END}", changed))


def test_two_cameras_are_no_neighbours_in_time(pond, farm_b, tmp_path):
    source = clean_pond(pond, tmp_path / "a").parent
    cfg = read_config(FOLDER / f"minent_{END}", options(source, farm_b))
    assert check_data(cfg) == []
    parts = frames_by_part(cfg)
    # Of A all frames of train, and of B those that a split by time trains on.
    a = [f for f in parts["train"] if not f.recording.startswith("target/")]
    b = [f for f in parts["train"] if f.recording.startswith("target/")]
    assert (len(a), len(b)) == (18, 42)
    assert {f.recording.split("/")[0] for f in parts["test"]} == {"target"}
    assert not any(f.label for f in b)


def test_frames_of_the_target_that_are_trained_and_tested_are_a_leak(
    pond, farm_b, tmp_path
):
    source = clean_pond(pond, tmp_path / "a").parent
    cfg = read_config(FOLDER / f"minent_{END}", options(source, farm_b))
    cfg.test_dataloader.dataset.split = "train"
    with pytest.raises(ValueError, match="shared_frame"):
        check_data(cfg)


def test_labels_of_the_target_do_not_count(pond, farm_b, tmp_path):
    source = clean_pond(pond, tmp_path / "a").parent
    cfg = read_config(FOLDER / f"minent_{END}", options(source, farm_b))
    alone = read_config(FOLDER / f"source_{END}", options(source, farm_b))
    assert class_shares(cfg) == class_shares(alone)
    table = source / "frames.csv"
    frames = [replace(each, splash_share=None) for each in read_table(table)]
    write_table(table, frames)
    for frame in frames:
        Image.fromarray(np.zeros((64, 80), np.uint8)).save(frame.label)
    for each in (cfg, alone):
        with pytest.raises(ValueError, match="no_splash"):
            check_data(each)


@pytest.mark.slow
def test_each_method_trains_from_weights_of_the_source(pond, farm_b, tmp_path):
    source = clean_pond(pond, tmp_path / "a").parent
    short = options(source, farm_b) | {
        "max_iters": 2,
        "train_cfg.val_interval": 2,
        "train_dataloader.batch_size": 2,
    }
    first = train(
        FOLDER / f"source_{END}",
        tmp_path / "source",
        cfg_options=short | tiny("model"),
    )
    (weights,) = first.glob("weights_*_last.safetensors")
    for method in METHODS:
        run = train(
            FOLDER / f"{method}_{END}",
            tmp_path / method,
            cfg_options=short | tiny("model.student") | {"load_from": str(weights)},
        )
        assert list(run.glob("weights_*_last.safetensors"))

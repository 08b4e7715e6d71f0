"""Every tool takes configs in MMEngine's pure-Python form, with classes as types."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.apis import inference_model, init_model
from PIL import Image

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import config_text, text_values
from mmseg_splashkd.config.types import classes, type_name
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.runs.recorded_config import recorded_config
from mmseg_splashkd.runs.test import writers_of
from mmseg_splashkd.sweep.keys import config_sha256, full_key
from mmseg_splashkd.teacher_cache.fingerprint import fingerprint, unread_frames
from mmseg_splashkd.teacher_cache.options import CacheOptions
from tests.conftest import BEST, DISTILLED, PLAIN, tiny_run
from tests.pure_python import write_pure
from tests.tools import run_tool, status_of


@pytest.fixture(scope="module")
def plain(pond, tmp_path_factory) -> Path:
    """The plain student of the demo, of a few KB."""
    path = tmp_path_factory.mktemp("pure") / "plain.py"
    cfg = read_config(PLAIN, tiny_run(pond, "model"))
    return write_pure(path, cfg, 'experiment = "pure"')


@pytest.fixture(scope="module")
def distilling(distil_options, tmp_path_factory) -> Path:
    """The distilled student of the demo, with cached teacher."""
    folder = tmp_path_factory.mktemp("pure_kd")
    cache = {"dir": str(folder / "cache"), "views": 2}
    cfg = read_config(DISTILLED, {**distil_options, "teacher_cache": cache})
    return write_pure(folder / "kd.py", cfg)


@pytest.fixture(scope="module")
def trained(distilling) -> Path:
    """Work directory of a run of it, after the teacher has been cached."""
    run_tool("cache_teacher.py", distilling)
    work_dir = distilling.parent / "run"
    assert status_of("train.py", distilling, "--work-dir", work_dir) == 0
    return work_dir


def resolved(value: object) -> object:
    """A value whose types are classes, however they were spelt."""
    if isinstance(value, dict):
        return {
            key: next(classes(each)) if key == "type" else resolved(each)
            for key, each in value.items()
        }
    return [resolved(each) for each in value] if isinstance(value, list) else value


def test_it_is_the_config_in_other_words(plain, pond):
    cfg = read_config(plain, {"val_dataloader.batch_size": 3})
    assert isinstance(cfg.model.type, type)
    assert cfg.experiment == "pure"
    text = read_config(
        PLAIN, tiny_run(pond, "model") | {"val_dataloader.batch_size": 3}
    )
    expected = {**text.to_dict(), "experiment": "pure"}
    del expected["custom_imports"]
    assert resolved(text_values(config_text(cfg))) == resolved(expected)


@pytest.mark.slow
@pytest.mark.parametrize("tta", [(), ("--tta",)], ids=["once", "flipped"])
def test_a_test_writes_predictions_and_pictures(distilling, trained, tmp_path, tta):
    out, shown = tmp_path / "out", tmp_path / "shown"
    run_tool(
        "test.py",
        *(distilling, trained / BEST, "--work-dir", tmp_path / "test"),
        *("--out", out, "--out-coding", "gray", "--show-dir", shown, *tta),
    )
    assert len(list(out.rglob("*.png"))) == len(list(shown.rglob("*.png"))) == 3
    with Image.open(min(out.rglob("*.png"))) as image:
        assert np.asarray(image).shape == (64, 80)


@pytest.mark.slow
def test_a_run_of_it_can_be_repeated_and_predicts(distilling, trained, pond):
    record = read_record(trained)
    assert record is not None
    again = recorded_config(record)  # its types are registered: nothing is imported
    assert resolved(again.to_dict()) == resolved(text_values(record.config_text or ""))
    weights = str(find_checkpoint(str(trained / BEST)))
    model = init_model(str(distilling), weights, "cpu")
    frame = str(min((pond / "images").iterdir()))
    predicted: Any = inference_model(model, frame)
    assert predicted.pred_sem_seg.shape == (64, 80)


@pytest.mark.slow
def test_its_data_are_checked(plain):
    page = plain.with_suffix(".html")
    assert status_of("check_dataset.py", plain, "--fast", "--out", page) == 0
    assert page.is_file()


# Parts of the sweep


def test_a_sweep_finds_keys_and_writers(distilling):
    cfg = read_config(distilling)
    assert full_key(cfg, "teacher_ratio") == "model.distill_loss.teacher_ratio"
    assert config_sha256(cfg) == config_sha256(copy.deepcopy(cfg))
    assert config_sha256(cfg) != config_sha256(
        read_config(distilling, {"randomness.seed": 1})
    )
    (writer,) = writers_of(cfg.to_dict()["val_evaluator"])  # as options: dotted names
    assert writer["type"] == "mmseg_splashkd.evaluation.dice_metric.DiceMetric"


def test_all_spellings_share_a_teacher_cache(distilling, distil_options):
    text = read_config(DISTILLED, distil_options)
    pure = read_config(distilling)
    options = CacheOptions(dir="cache", views=2)
    one, other = (fingerprint(cfg, options, unread_frames(cfg)) for cfg in (text, pure))
    assert one == other


def test_messages_name_the_class(plain):
    cfg = Config.fromfile(plain)
    assert type_name(cfg.model) == "EncoderDecoder"
    with pytest.raises(ValueError, match="EncoderDecoder takes no such argument"):
        read_config(plain, {"model.backbome": 1})

"""Every legal spelling of ``type`` is resolved to its class."""

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import DATASETS, HOOKS, MODELS

from mmseg_splashkd.config.devices import check_devices
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import config_text
from mmseg_splashkd.config.training import check_training
from mmseg_splashkd.config.types import (
    class_in,
    distills,
    is_a,
    registered_name,
)
from mmseg_splashkd.config.walk import plain_model
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.evaluation import DiceMetric
from mmseg_splashkd.models import DistillSegmentor
from mmseg_splashkd.runs.test import writers_of
from tests.conftest import DISTILLED, tiny_run


class Renamed(DistillSegmentor):
    """A subclass under another name."""


@pytest.fixture(autouse=True)
def registered():
    MODELS.register_module(name="OtherDistiller", module=Renamed)
    yield
    MODELS.module_dict.pop("OtherDistiller")


SPELLINGS = (
    "DistillSegmentor",
    "mmseg.DistillSegmentor",
    DistillSegmentor,
    Renamed,
    "OtherDistiller",
    "mmseg.OtherDistiller",
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_a_distill_segmentor(spelling):
    assert is_a({"type": spelling}, DistillSegmentor)
    assert is_a({"type": spelling}, TimeSplitDataset, DistillSegmentor)
    assert not is_a({"type": spelling}, TimeSplitDataset)
    assert distills(Config({"model": {"type": spelling}}))


@pytest.mark.parametrize("spelling", [Renamed, "OtherDistiller"])
def test_subclass_is_distinguished_from_its_parent(spelling):
    assert is_a({"type": spelling}, Renamed)
    assert not is_a({"type": "DistillSegmentor"}, Renamed)


@pytest.mark.parametrize(
    "config",
    [
        {"type": "NoSuchClass"},
        {"type": "nowhere.DistillSegmentor"},
        {"type": "EncoderDecoder"},
        {"type": EncoderDecoder},
        {"type": None},
        {"type": 3},
        {},
        None,
        "DistillSegmentor",
        ["DistillSegmentor"],
    ],
)
def test_anything_else_is_not(config):
    assert not is_a(config, DistillSegmentor)
    assert not distills(Config({"model": config}))
    assert not distills(Config({}))


def test_class_of_another_registry():
    assert is_a({"type": "AmpOptimWrapper"}, AmpOptimWrapper)
    assert is_a({"type": "mmengine.AmpOptimWrapper"}, OptimWrapper)
    assert not is_a({"type": "OptimWrapper"}, AmpOptimWrapper)


# What depends on it


@pytest.fixture(params=SPELLINGS, ids=str)
def cfg(request, pond):
    """A distillation whose model is spelt in some way."""
    options = tiny_run(pond, "model.student", "model.teacher")
    found = read_config(DISTILLED, options)
    found.model.type = request.param
    return found


def test_missing_teacher_is_named(cfg):
    cfg.model.teacher_checkpoint = "nowhere/*.safetensors"
    with pytest.raises(FileNotFoundError, match="teacher_checkpoint='nowhere"):
        check_training(cfg)


def test_student_is_the_plain_model(cfg):
    assert plain_model(cfg.model) == cfg.model.student
    assert plain_model(cfg.model.student) == cfg.model.student


def test_mixed_precision_is_refused_without_a_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for spelling in ("AmpOptimWrapper", "mmengine.AmpOptimWrapper", AmpOptimWrapper):
        with pytest.raises(ValueError, match=r"needs a CUDA GPU.* give --amp"):
            check_devices(Config({"optim_wrapper": {"type": spelling}}))


@pytest.mark.parametrize(
    "spelling", ["TimeSplitDataset", "mmseg.TimeSplitDataset", TimeSplitDataset]
)
def test_config_with_any_spelling_is_read(tmp_path, spelling, pond):
    base = read_config(DISTILLED, tiny_run(pond))
    for loader in ("val_dataloader", "test_dataloader"):
        base[loader].dataset.type = spelling
    base.train_dataloader.dataset.dataset.type = spelling
    path = tmp_path / "config.py"
    path.write_text(config_text(base))
    cfg = read_config(path, {"fold": None, "data_root": str(tmp_path)})
    assert cfg.val_dataloader.dataset.data_root == str(tmp_path)
    assert is_a(cfg.val_dataloader.dataset, TimeSplitDataset)


def test_a_class_that_is_registered_later_is_found():
    assert not is_a({"type": "RegisteredLater"}, Hook)

    class RegisteredLater(Hook):
        pass

    HOOKS.register_module(module=RegisteredLater)
    try:
        assert is_a({"type": "RegisteredLater"}, Hook)
    finally:
        HOOKS.module_dict.pop("RegisteredLater")
    assert not is_a({"type": "RegisteredLater"}, Hook)


def test_a_class_has_the_name_of_its_registry():
    assert registered_name(torch.nn.BatchNorm2d) == "BN"
    assert registered_name(DistillSegmentor) == "DistillSegmentor"
    assert registered_name(Renamed) == "OtherDistiller"
    assert registered_name(dict) == "dict"


def test_a_class_of_no_registry_is_found_by_its_dotted_name(tmp_path, monkeypatch):
    (tmp_path / "own_parts.py").write_text(
        "from mmseg_splashkd.evaluation import DiceMetric\n\n\n"
        "class OwnDice(DiceMetric):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "mine.py"
    path.write_text(
        "from own_parts import OwnDice\n\ntest_evaluator = [dict(type=OwnDice)]\n"
    )
    cfg = Config.fromfile(path)
    for evaluator in (cfg.test_evaluator, cfg.to_dict()["test_evaluator"]):
        assert is_a(evaluator[0], DiceMetric)
        assert writers_of(evaluator)
    assert cfg.to_dict()["test_evaluator"] == [{"type": "own_parts.OwnDice"}]


@pytest.mark.parametrize("scope", ["", "mmseg."])
def test_a_name_means_a_class_in_its_own_registry(scope):
    assert class_in(DATASETS, f"{scope}TimeSplitDataset") is TimeSplitDataset
    assert class_in(MODELS, f"{scope}TimeSplitDataset") is None
    assert class_in(MODELS, f"{scope}OtherDistiller") is Renamed
    assert class_in(MODELS, "nowhere.OtherDistiller") is None


def test_a_name_that_is_registered_later_is_found():
    assert class_in(MODELS, "LaterDistiller") is None
    MODELS.register_module(name="LaterDistiller", module=Renamed)
    try:
        assert class_in(MODELS, "LaterDistiller") is Renamed
    finally:
        MODELS.module_dict.pop("LaterDistiller")
    assert class_in(MODELS, "LaterDistiller") is None

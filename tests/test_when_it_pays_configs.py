"""The arms of the study of when distilling pays differ in what they say."""

import os
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.walk import plain_model
from tests.conftest import CONFIGS, ROOT
from tests.models.as_allocated import AsAllocated
from tests.test_commands import module_of

ARMS = sorted((CONFIGS / "when_it_pays").glob("pays_*.py"))
CAMVID = Path(os.environ.get("CAMVID_ROOT") or ROOT / "data" / "camvid")
CWD = "pays_cwd"
CONTROLS = {"labels": "teacher", "shuffled": "teacher_control"}
CONTROLS |= {"untrained": "teacher_control"}


@pytest.fixture(scope="module")
def arms() -> dict[str, Config]:
    return {path.stem: read_config(path) for path in ARMS}


def test_all_arms_have_one_student_one_schedule_and_the_same_views(arms):
    first = arms["pays_ce"]
    for name, cfg in arms.items():
        if name == "pays_lite2":
            continue
        student = Config(plain_model(cfg.model)).to_dict()
        if name == "pays_ce_weighted":
            assert student["decode_head"]["loss_decode"].pop("class_weight")
        assert student == first.model.to_dict(), name
        for key in ("train_dataloader", "val_dataloader", "test_dataloader"):
            assert cfg[key] == first[key], (name, key)
        for key in ("optim_wrapper", "param_scheduler", "train_cfg", "custom_hooks"):
            assert cfg[key] == first[key], (name, key)
        sampler, cache = cfg.train_dataloader.sampler, cfg.get("teacher_cache")
        assert cache is None or cache.views == sampler.views == 5
        assert (sampler.view_seed, cfg.train_cfg.max_iters) == (0, 800)


@pytest.mark.parametrize(("name", "key"), CONTROLS.items())
def test_a_control_has_the_loss_of_the_arm_that_it_controls(arms, name, key):
    control, whole = (arms[each].model for each in (f"{CWD}_{name}", CWD))
    assert control[key] == name
    assert control.distill_loss == whole.distill_loss
    others = {key, "teacher_checkpoint", "distill_loss"}
    for other in whole.keys() - others:
        assert control[other] == whole[other], other


def test_plain_and_distilled_student_have_the_same_class_weights(arms):
    own = arms["pays_ce_weighted"].model.decode_head.loss_decode.class_weight
    taught = arms["pays_cwd_weighted"].model.distill_loss
    assert len(own) == 11
    assert taught.class_weight == own
    assert taught.label_loss == "ce"


@pytest.mark.slow
@pytest.mark.skipif(not CAMVID.is_dir(), reason="no CamVid: set CAMVID_ROOT")
def test_class_weights_balance_the_median_frequency_of_the_training_part(arms):
    labels = (CAMVID / "labels" / "train").glob("*.png")
    counts = np.array(
        [np.bincount(np.asarray(Image.open(p)).ravel(), minlength=12) for p in labels]
    )[:, :11]
    valid = counts.sum(1, keepdims=True)
    frequency = counts.sum(0) / (valid * (counts > 0)).sum(0)
    expected = np.median(frequency) / frequency
    weights = arms["pays_ce_weighted"].model.decode_head.loss_decode.class_weight
    np.testing.assert_allclose(weights, expected, atol=5e-4)


PONDS = sorted((CONFIGS / "when_it_pays").glob("ponds_[!f]*.py"))  # not ponds_few_


def test_all_arms_on_ponds_have_one_student_one_schedule_and_the_same_views():
    read = {path.stem: read_config(path) for path in PONDS}
    teacher, first = read.pop("ponds_b0"), read["ponds_ce"]
    assert set(read) == {"ponds_ce", "ponds_cwd", "ponds_kl"}
    for name, cfg in read.items():
        assert Config(plain_model(cfg.model)).to_dict() == first.model.to_dict(), name
        for key in ("optim_wrapper", "param_scheduler", "train_cfg", "custom_hooks"):
            assert cfg[key] == first[key], (name, key)
        for key in ("train_dataloader", "val_dataloader", "test_dataloader"):
            assert cfg[key] == first[key] == teacher[key], (name, key)
        if cfg is not first:
            for model in (cfg.model.teacher, teacher.model):  # it is not trained here
                model.decode_head.pop("loss_decode", None)
            assert cfg.model.teacher == teacher.model, name


MAP = module_of(ROOT / "benchmarks" / "map_cells.py").CELLS


@pytest.mark.parametrize("name", MAP)
def test_all_arms_of_a_cell_can_be_built_and_differ_in_the_loss(name):
    cell = MAP[name]
    teacher = read_config(ROOT / cell.teacher, cell.shared | cell.teacher_options)
    lengths, students = set(), set()
    for arm in cell.arms.values():
        options = {**cell.shared, **cell.options, **arm.options}
        if arm.cached:
            options["teacher_cache.dir"] = "cache"
        if arm.together:
            options["model.teacher_checkpoint"] = ["one", "another"]
        cfg = read_config(ROOT / (arm.config or cell.plain), options)
        with AsAllocated():
            MODELS.build(cfg.model)
        lengths.add(cfg.train_cfg.max_iters)
        student = Config(plain_model(cfg.model)).to_dict()
        student["decode_head"].pop("loss_decode")
        for key in ("type", "temporal_loss"):  # a loss between frames is one, too
            student.pop(key, None)
        for key in ("type", "ratio"):  # which the record varies
            student["decode_head"].pop(key, None)
        students.add(str(student))
        if arm.teacher:
            own = Config(dict(cfg.model.teacher)).to_dict()
            expected = Config(dict(teacher.model)).to_dict()
            for each in (own, expected):
                each["decode_head"].pop("loss_decode")
                each["backbone"].pop("init_cfg")
            assert own == expected
    longer = {6000} if name == "farm_few16_neighbours" else set()
    assert len(lengths - longer) == 1
    assert len(students) == (2 if name == "farm_clip" else 1)  # one sees three frames

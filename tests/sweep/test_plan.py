import re
from dataclasses import replace
from datetime import date

import pytest

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.sweep.plan import arm_at, arms_of_grid, cells_of, in_order
from mmseg_splashkd.sweep.spec import Sweep, SweepSpec
from mmseg_splashkd.sweep.units import Units
from tests.sweep.conftest import PLAIN, STUDENT

RATIO = "model.distill_loss.teacher_ratio"
BEGAN = date(2026, 6, 27)
SPEC = SweepSpec(
    (STUDENT,), {RATIO: [0.25, 1]}, folds=2, seeds=2, baseline=PLAIN, metric="mIoU"
)


def names(spec: SweepSpec) -> list[str]:
    return [cell.name for cell in in_order(spec, arms_of_grid(spec, BEGAN))]


def test_names_are_those_of_the_record():
    assert names(SPEC) == [
        f"{arm}_fold{fold}_seed{seed}"
        for seed in (0, 1)
        for arm in ("farm_b0_0627", "farm_b0_kd_0627_25", "farm_b0_kd_0627_100")
        for fold in (0, 1)
    ]


def test_an_arm_is_what_remains_without_fold_and_seed():
    for arm in arms_of_grid(SPEC, BEGAN):
        for cell in cells_of(SPEC, arm):
            assert re.sub(r"_fold\d+|_seed\d+", "", cell.name) == arm.name


def test_without_folds_and_seeds_there_is_one_run_with_the_seed_of_the_config():
    spec = replace(SPEC, folds=None, seeds=None, baseline=None, grid={})
    spec = replace(spec, cfg_options={"randomness.seed": 7})
    assert names(spec) == ["farm_b0_kd_0627_50_seed7"]


def test_what_no_name_tells_is_added_to_it():
    grid = {RATIO: [0.5], "model.distill_loss.modulate": ["none"]}
    grid |= {"optim_wrapper.optimizer.lr": [1e-3], "param_scheduler.0.end": [[1, 2]]}
    spec = replace(SPEC, grid=grid, folds=None, baseline=None, seeds=1)
    assert names(spec) == ["farm_b0_kd_0627_50_modulatenone_lr0.001_end-1-2_seed0"]


def test_options_are_those_of_an_ordinary_run():
    spec = replace(SPEC, cfg_options={"model.backbone.drop_rate": 0.5, "embargo": 0})
    plain, *_, student = arms_of_grid(spec, BEGAN)
    assert cells_of(spec, plain)[1].options == {
        "model.backbone.drop_rate": 0.5,
        "embargo": 0,
        "fold": 1,
        "randomness.seed": 0,
    }
    options = dict(cells_of(spec, student)[0].options)
    assert options == {RATIO: 1, "embargo": 0, "fold": 0, "randomness.seed": 0}
    cfg = read_config(STUDENT, options)
    assert cfg.model.distill_loss.teacher_ratio == 1
    assert cfg.val_dataloader.dataset.fold == 0


def test_a_point_of_a_search_is_told_by_its_number():
    arm = arm_at(SPEC, BEGAN, STUDENT, {RATIO: 0.123456}, "trial07")
    assert cells_of(SPEC, arm)[0].name == "farm_b0_kd_0627_12_trial07_fold0_seed0"


@pytest.mark.parametrize(("trials", "last"), [(1, "trial0"), (11, "trial10")])
def test_points_of_a_search(trials, last):
    space = {RATIO: {"low": 0.0, "high": 1.0, "kind": "float"}}
    spec = replace(SPEC, grid={}, baseline=None, search="tpe", space=space)
    units = Units(Sweep(replace(spec, trials=trials), BEGAN, {}))
    assert len(units.all) == trials
    assert units.all[-1].name == last
    assert units.all[0].params is None


def test_a_sweep_is_the_same_after_it_was_written_down():
    sweep = Sweep(SPEC, BEGAN, {STUDENT: "1"}, "sqlite:///x")
    again = Sweep.from_json(sweep.to_json(), "test")
    assert again == sweep
    assert not again.differences(sweep)


def test_what_differs_is_named():
    one = Sweep(SPEC, BEGAN, {STUDENT: "1", "table": "2"})
    other = replace(one, spec=replace(SPEC, grid={RATIO: [0]}, predictions=False))
    other = replace(other, belongs={STUDENT: "1", "table": "3"})
    assert one.differences(other) == [
        f"grid: it has {{'{RATIO}': [0.25, 1]}}, asked for is {{'{RATIO}': [0]}}",
        "the content of table has changed",
    ]


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2}', '{"version": 1}'])
def test_a_damaged_sweep_is_named(text):
    with pytest.raises(ValueError, match=r"^sweep\.json holds no sweep"):
        Sweep.from_json(text, "sweep.json")

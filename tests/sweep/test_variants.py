from dataclasses import replace
from datetime import date

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.sweep.spec import SweepSpec
from mmseg_splashkd.sweep.variants import (
    in_order,
    runs_of,
    variant_at,
    variants_of_grid,
)
from tests.sweep.conftest import PLAIN, STUDENT

RATIO = "model.distill_loss.teacher_ratio"
BEGAN = date(2026, 6, 27)
SPEC = SweepSpec(
    (STUDENT,), {RATIO: [0.25, 1]}, folds=2, seeds=2, baseline=PLAIN, metric="mIoU"
)


def names(spec: SweepSpec) -> list[str]:
    return [run.name for run in in_order(spec, variants_of_grid(spec, BEGAN))]


def test_names_contain_config_day_ratio_fold_and_seed():
    assert names(SPEC) == [
        f"{variant}_fold{fold}_seed{seed}"
        for seed in (0, 1)
        for variant in ("farm_b0_0627", "farm_b0_kd_0627_25", "farm_b0_kd_0627_100")
        for fold in (0, 1)
    ]


def test_runs_of_a_variant_differ_only_in_fold_and_seed():
    for variant in variants_of_grid(SPEC, BEGAN):
        runs = runs_of(SPEC, variant)
        assert {(r.fold, r.seed) for r in runs} == {(0, 0), (1, 0), (0, 1), (1, 1)}
        for run in runs:
            rest = {"fold": run.fold, "randomness.seed": run.seed}
            assert run.options == {**variant.options, **rest}


def test_without_folds_and_seeds_there_is_one_run_with_the_seed_of_the_config():
    spec = replace(SPEC, folds=None, seeds=None, baseline=None, grid={})
    spec = replace(spec, cfg_options={"randomness.seed": 7})
    assert names(spec) == ["farm_b0_kd_0627_50_seed7"]


def test_other_values_of_a_point_end_the_name():
    grid = {RATIO: [0.5], "model.distill_loss.modulate": ["none"]}
    grid |= {"optim_wrapper.optimizer.lr": [1e-3], "param_scheduler.0.end": [[1, 2]]}
    spec = replace(SPEC, grid=grid, folds=None, baseline=None, seeds=1)
    assert names(spec) == ["farm_b0_kd_0627_50_modulatenone_lr0.001_end-1-2_seed0"]


def test_options_are_those_of_an_ordinary_run():
    spec = replace(SPEC, cfg_options={"model.backbone.drop_rate": 0.5, "embargo": 0})
    plain, *_, student = variants_of_grid(spec, BEGAN)
    assert runs_of(spec, plain)[1].options == {
        "model.backbone.drop_rate": 0.5,
        "embargo": 0,
        "fold": 1,
        "randomness.seed": 0,
    }
    options = dict(runs_of(spec, student)[0].options)
    assert options == {RATIO: 1, "embargo": 0, "fold": 0, "randomness.seed": 0}
    cfg = read_config(STUDENT, options)
    assert cfg.model.distill_loss.teacher_ratio == 1
    assert cfg.val_dataloader.dataset.fold == 0


def test_the_name_of_a_point_of_a_search_ends_with_its_number():
    variant = variant_at(SPEC, BEGAN, STUDENT, {RATIO: 0.123456}, "trial07")
    assert runs_of(SPEC, variant)[0].name == "farm_b0_kd_0627_12_trial07_fold0_seed0"

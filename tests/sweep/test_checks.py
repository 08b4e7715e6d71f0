from dataclasses import replace
from datetime import date

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.datasets.frames import list_frames
from mmseg_splashkd.datasets.split_table import write_table
from mmseg_splashkd.datasets.splits.plan import SplitPlan
from mmseg_splashkd.records.train_frames import TRAIN_FRAMES
from mmseg_splashkd.sweep.checks import (
    check_frames,
    check_spec,
    check_variants,
    complete,
    direction_of,
)
from mmseg_splashkd.sweep.spec import SweepSpec
from mmseg_splashkd.sweep.variants import variants_of_grid
from tests.sweep.conftest import PLAIN, STUDENT, TEACHER, write_folds

BEGAN = date(2026, 6, 27)
RATIO = "model.distill_loss.teacher_ratio"


@pytest.fixture
def spec(tiny_farm) -> SweepSpec:
    return SweepSpec(
        (STUDENT,), folds=2, teacher=TEACHER, baseline=PLAIN, cfg_options=tiny_farm
    )


def check(spec: SweepSpec) -> None:
    spec = complete(spec)
    check_spec(spec)
    check_variants(variants_of_grid(spec, BEGAN))
    check_frames(spec)


def test_a_sweep_that_can_run(spec):
    spec = replace(spec, grid={"teacher_ratio": [0.5, 1]})
    check(spec)
    whole = complete(spec)
    assert whole.grid == {RATIO: [0.5, 1]}
    assert whole.metric == "OperatingPoint.Dice"
    assert check_spec(whole).keys() == {STUDENT, PLAIN, TEACHER, "table"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": {"teachr_ratio": [1]}}, "did you mean .*teacher_ratio"),
        ({"grid": {"experiment": ["a", "b"]}}, "experiment changes no run"),
        ({"grid": {"teacher_ratio": [0.5, 2]}}, r"=2 of .*must lie in \[0, 1\]"),
        ({"grid": {"teacher_ratio": [0.501, 0.502]}}, "have the same name"),
        ({"grid": {"fold": [0, 1]}}, "fold is set by --folds"),
        ({"grid": {"randomness.seed": [0, 1]}, "seeds": 2}, "is set by --seeds"),
        ({"configs": (STUDENT, STUDENT)}, "changes nothing between"),
        ({"folds": 3}, r"has the folds \[0, 1\]: give --folds 2.* --folds 3 "),
        ({"folds": 1}, "--folds 1: it must be at least 2"),
        ({"seeds": 0}, "--seeds 0"),
        ({"cache_views": 0}, "--cache-views 0"),
        (
            {"teacher": None},
            "must not be trained on the frames that the fold holds out",
        ),
        ({"teacher": STUDENT}, "--teacher .* distils: give a plain config"),
        ({"baseline": STUDENT}, "--baseline .* distils"),
        ({"teacher_checkpoint": "x"}, "either --teacher or --teacher-checkpoint"),
        ({"cfg_options": {"model.nowhere.key": 1}}, "none of .* has a place for it"),
        ({"configs": ("nowhere.py",)}, "nowhere.py does not exist"),
        ({"search": "tpe"}, "neither --grid nor --baseline"),
        ({"search": "tpe", "baseline": None}, "needs --space"),
        ({"trials": 3}, "are for --search"),
    ],
)
def test_a_sweep_that_cannot(spec, changes, message):
    if "cfg_options" in changes:
        changes = {"cfg_options": spec.cfg_options | changes["cfg_options"]}
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        check(replace(spec, **changes))


def test_a_teacher_without_a_student(spec):
    options = {k: v for k, v in spec.cfg_options.items() if "model" not in k}
    spec = replace(spec, configs=(PLAIN,), baseline=None, cfg_options=options)
    with pytest.raises(ValueError, match=r"none of .*farm_b0\.py does"):
        check(spec)


def test_a_grid_whose_values_have_the_same_effect(spec):
    spec = complete(replace(spec, grid={"model.distill_loss.gamma": [2, 3]}))
    variants = variants_of_grid(spec, BEGAN)
    twice = [*variants[:2], replace(variants[2], cfg=variants[1].cfg)]
    with pytest.raises(ValueError, match=r"changes nothing between .*gamma=2 and .*=3"):
        check_variants(twice)


def test_a_config_without_a_table_names_the_command(spec):
    options = spec.cfg_options | {"split_table": ""}
    with pytest.raises(ValueError, match=r"no split table.*split_dataset\.py"):
        check(replace(spec, cfg_options=options))


def test_a_table_without_folds_names_the_command(spec, pond, tmp_path):
    frames = list_frames(pond / "images", pond / "labels")
    table = write_table(tmp_path / "split.csv", SplitPlan().apply(frames))
    options = spec.cfg_options | {"split_table": str(table)}
    with pytest.raises(
        ValueError, match=r"has no folds.*split_dataset\.py .* --folds 2"
    ):
        check(replace(spec, cfg_options=options))


def test_configs_of_different_tables(spec, folds, pond, tmp_path):
    other = tmp_path / "other.py"
    table = write_folds(pond, tmp_path / "other.csv")
    cfg = read_config(PLAIN, {"split_table": str(table)})
    Config(cfg.to_dict()).dump(other)
    options = {k: v for k, v in spec.cfg_options.items() if k != "split_table"}
    student = tmp_path / "student.py"
    Config(read_config(STUDENT, {"split_table": str(folds)}).to_dict()).dump(student)
    spec = replace(spec, configs=(str(student),), baseline=str(other), teacher=None)
    given = str(tmp_path / "{fold}.safetensors")
    for fold in (0, 1):
        (tmp_path / f"{fold}.safetensors").touch()
    spec = replace(spec, teacher_checkpoint=given, cfg_options=options)
    with pytest.raises(ValueError, match="the configs read different split tables"):
        check(spec)


@pytest.mark.parametrize(
    ("save_best", "hooks", "metric"),
    [
        ("mIoU", ["FrameScoresHook"], "mIoU"),  # as its best weights are selected
        (None, ["FrameScoresHook"], "OperatingPoint.Dice"),
        ("auto", ["mmseg.FrameScoresHook"], "OperatingPoint.Dice"),
        (None, ["ClassesHook"], None),
    ],
)
def test_metric_by_default(spec, save_best, hooks, metric):
    options = spec.cfg_options | {
        "default_hooks.checkpoint.save_best": save_best,
        "custom_hooks": [{"type": name} for name in hooks],
    }
    spec = replace(spec, cfg_options=options)
    if metric is None:
        with pytest.raises(ValueError, match=r"FrameScoresHook.*by --metric, such as"):
            complete(spec)
    else:
        assert complete(spec).metric == metric


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("OperatingPoint.Dice", "maximize"),
        ("Dice.splash", "maximize"),
        ("cross_entropy", "minimize"),
        ("mIoU", "maximize"),
        ("ece", "minimize"),
    ],
)
def test_direction_of_a_metric(spec, metric, direction):
    assert direction_of(complete(replace(spec, metric=metric))) == direction


def test_the_rule_of_the_checkpoint_hook_decides_for_its_metric(spec):
    options = spec.cfg_options | {"default_hooks.checkpoint.rule": "less"}
    spec = complete(replace(spec, cfg_options=options))
    assert direction_of(spec) == "minimize"
    assert direction_of(replace(spec, metric="mIoU")) == "maximize"


@pytest.fixture
def given(spec, tmp_path) -> SweepSpec:
    """Existing teachers of two folds, as files without content."""
    for fold in (0, 1):
        folder = tmp_path / f"teacher{fold}"
        folder.mkdir()
        (folder / "weights_t_last.safetensors").touch()
    pattern = str(tmp_path / "teacher{fold}" / "weights_*_last.safetensors")
    return replace(spec, teacher=None, teacher_checkpoint=pattern)


def frames_of(table, fold: int) -> list[str]:
    rows = [row.split(",") for row in table.read_text().splitlines()]
    head = {name: place for place, name in enumerate(rows[0])}
    return [
        f"{row[head['recording']]}/{row[head['timestamp']]}"
        for row in rows[1:]
        if row[head["fold"]] == str(fold)
    ]


def test_existing_teachers_of_other_folds(given, folds, tmp_path):
    for fold in (0, 1):
        text = "\n".join(frames_of(folds, 1 - fold))
        (tmp_path / f"teacher{fold}" / TRAIN_FRAMES).write_text(text)
    check(given)
    assert check_frames(given) == []


def test_a_teacher_trained_on_the_fold_is_refused(given, folds, tmp_path):
    first = frames_of(folds, 0)
    for fold in (0, 1):
        text = "\n".join(frames_of(folds, 1))
        (tmp_path / f"teacher{fold}" / TRAIN_FRAMES).write_text(text)
    assert len(first) > 3
    count = len(frames_of(folds, 1))
    with pytest.raises(
        ValueError, match=rf"teacher1/.* on {count} of {count} frames of the val"
    ):
        check(given)


def test_a_teacher_without_a_list_of_frames_is_a_warning(given):
    warnings = check_frames(given)
    assert len(warnings) == 2
    assert "there is no train_frames.txt" in warnings[0]


def test_one_teacher_for_all_folds_is_refused(given, tmp_path):
    pattern = str(tmp_path / "teacher0" / "weights_*_last.safetensors")
    with pytest.raises(ValueError, match=r"one teacher for 2 folds.*\{fold\}"):
        check(replace(given, teacher_checkpoint=pattern))


def test_a_missing_teacher_is_named(given, tmp_path):
    (tmp_path / "teacher1" / "weights_t_last.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"--teacher-checkpoint=.*teacher1"):
        check(given)

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.sweep.caches import teacher_options
from mmseg_splashkd.sweep.spec import SweepSpec
from mmseg_splashkd.sweep.teachers import teacher_job
from mmseg_splashkd.sweep.variants import Variant, variant_at
from tests.sweep.conftest import PLAIN, STUDENT, TEACHER, write_folds

PATTERN = "model.teacher_checkpoint"


@pytest.fixture
def spec(tiny_farm) -> SweepSpec:
    return SweepSpec((STUDENT,), folds=2, teacher=TEACHER, cfg_options=tiny_farm)


def options(spec: SweepSpec, variant: Variant, fold: int | None) -> dict:
    teacher = teacher_job(spec, fold) if spec.teacher else None
    return teacher_options(spec, variant, fold, teacher)


def student(spec: SweepSpec, **point) -> Variant:
    keys = {key.replace("__", "."): value for key, value in point.items()}
    return variant_at(spec, date(2026, 6, 27), STUDENT, keys)


def test_teachers_of_a_sweep_differ_in_the_fold_alone(spec):
    jobs = [teacher_job(spec, fold) for fold in (0, 1)]
    assert [job.folder.name for job in jobs] == ["fold0", "fold1"]
    assert jobs[0].folder.parent == jobs[1].folder.parent
    assert [job.options["fold"] for job in jobs] == [0, 1]
    for fold, job in enumerate(jobs):
        cfg = read_config(job.config, dict(job.options))
        assert cfg.train_dataloader.dataset.dataset.fold == fold
        assert cfg.model.backbone.embed_dims == 8


def test_sweeps_share_a_teacher_only_if_it_is_the_same(spec, pond, tmp_path):
    folder = teacher_job(spec, 0).folder
    assert teacher_job(replace(spec, seeds=3, grid={"a": [1]}), 0).folder == folder
    other = spec.cfg_options | {"model.student.backbone.drop_rate": 0.5}
    assert teacher_job(replace(spec, cfg_options=other), 0).folder == folder
    table = write_folds(pond, tmp_path / "other.csv", folds=3)
    for changed in (
        {"train_cfg.max_iters": 3},
        {"model.backbone.drop_rate": 0.5},
        {"split_table": str(table)},
    ):
        other = replace(spec, cfg_options=spec.cfg_options | changed)
        assert teacher_job(other, 0).folder != folder, changed


def test_a_table_with_the_same_name_and_other_rows_is_another(spec, pond, tmp_path):
    table = write_folds(pond, tmp_path / "folds.csv")
    given = replace(spec, cfg_options=spec.cfg_options | {"split_table": str(table)})
    folder = teacher_job(given, 0).folder
    table.write_text("".join(table.read_text().splitlines(True)[:-1]))
    assert teacher_job(given, 0).folder != folder


def test_a_student_gets_the_teacher_of_its_fold(spec):
    variant = student(spec)
    for fold in (0, 1):
        assert options(spec, variant, fold) == {
            PATTERN: f"{teacher_job(spec, fold).folder}/weights_*_last.safetensors"
        }
    plain = variant_at(spec, date(2026, 6, 27), PLAIN, {})
    assert options(spec, plain, 0) == {}


def test_given_teachers_are_named_by_fold_and_those_of_a_config_left_alone(spec):
    given = replace(spec, teacher=None, teacher_checkpoint="t{fold}/w.safetensors")
    assert options(given, student(given), 1) == {PATTERN: "t1/w.safetensors"}
    alone = replace(spec, teacher=None, folds=None)
    assert options(alone, student(alone), None) == {}


def cache(spec: SweepSpec, fold: int = 0, **point) -> Path:
    return Path(options(spec, student(spec, **point), fold)["teacher_cache"]["dir"])


def test_a_cache_lies_with_its_teacher_and_is_shared(spec):
    spec = replace(spec, cache_views=4)
    folder = cache(spec)
    assert folder.parent == teacher_job(spec, 0).folder
    assert cache(spec, model__distill_loss__teacher_ratio=1) == folder
    assert cache(spec, model__student__backbone__drop_rate=0.5) == folder
    assert cache(spec, 1).parent.name == "fold1"
    assert cache(spec, 1).name != folder.name
    assert cache(replace(spec, cache_views=5)) != folder
    flips = {"train_dataloader__dataset__dataset__pipeline__3__prob": 0.1}
    assert cache(spec, 0, **flips) != folder


def test_the_cache_of_an_existing_teacher_depends_on_its_weights(spec, tmp_path):
    weights = tmp_path / "t0.safetensors"
    weights.write_bytes(b"one")
    pattern = str(tmp_path / "t{fold}.safetensors")
    given = replace(spec, teacher=None, teacher_checkpoint=pattern, cache_views=4)
    folder = cache(given)
    weights.write_bytes(b"two")
    assert cache(given) != folder

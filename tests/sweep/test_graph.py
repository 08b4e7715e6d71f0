from dataclasses import replace
from datetime import date

import pytest

from mmseg_splashkd.sweep.caches import CacheJob
from mmseg_splashkd.sweep.graph import Graph
from mmseg_splashkd.sweep.run_job import RunJob
from mmseg_splashkd.sweep.scheduler import Task
from mmseg_splashkd.sweep.spec import SweepSpec
from mmseg_splashkd.sweep.teachers import TeacherJob
from mmseg_splashkd.sweep.variants import runs_of, variant_at
from tests.sweep.conftest import PLAIN, STUDENT, TEACHER


@pytest.fixture
def spec(tiny_farm) -> SweepSpec:
    options = {"folds": 2, "teacher": TEACHER, "cfg_options": tiny_farm}
    return SweepSpec((STUDENT,), metric="mIoU", **options)


def tasks(spec: SweepSpec, folder, config: str = STUDENT, **point) -> list[list[Task]]:
    """Tasks of the run of each fold."""
    point = {f"model.{key}": value for key, value in point.items()}
    variant = variant_at(spec, date(2026, 6, 27), config, point)
    graph = Graph(spec, folder)
    return [graph.tasks_of(run) for run in runs_of(spec, variant)]


def test_a_student_needs_the_teacher_of_its_fold(spec, tmp_path):
    for fold, (teacher, run) in enumerate(tasks(spec, tmp_path)):
        assert isinstance(teacher.job, TeacherJob)
        assert teacher.name == f"the teacher of fold {fold}"
        assert teacher.job.folder.name == f"fold{fold}"
        assert (teacher.is_run, run.is_run) == (False, True)
        assert run.needs == (teacher.name,)
        assert isinstance(run.job, RunJob)
        assert run.job.options["model.teacher_checkpoint"] == teacher.job.weights
        assert run.job.folder == tmp_path / run.name


def test_a_cache_comes_between_teacher_and_student(spec, tmp_path):
    for teacher, cache, run in tasks(replace(spec, cache_views=4), tmp_path):
        assert isinstance(cache.job, CacheJob)
        assert isinstance(teacher.job, TeacherJob)
        assert cache.job.folder.parent == teacher.job.folder
        assert cache.needs == (teacher.name,)
        assert run.needs == (teacher.name, cache.name)


def test_a_plain_student_has_no_requirements(spec, tmp_path):
    for (run,) in tasks(spec, tmp_path, PLAIN):
        assert run.needs == ()
        assert isinstance(run.job, RunJob)
        assert "model.teacher_checkpoint" not in run.job.options


def test_a_student_of_labels_has_no_requirements(spec, tmp_path):
    spec = replace(spec, cache_views=4)
    point = {"teacher": "labels", "teacher_checkpoint": None}
    for (run,) in tasks(spec, tmp_path, **point):
        assert run.needs == ()
        assert isinstance(run.job, RunJob)
        assert run.job.options["model.teacher_checkpoint"] is None
        assert "teacher_cache" not in run.job.options


def test_an_untrained_teacher_is_cached_and_not_trained(spec, tmp_path):
    spec = replace(spec, cache_views=4)
    point = {"teacher_control": "untrained", "teacher_checkpoint": None}
    caches = set()
    for seed in (0, 1):
        for cache, run in tasks(spec, tmp_path, teacher_seed=seed, **point):
            assert isinstance(cache.job, CacheJob)
            assert cache.needs == ()
            assert run.needs == (cache.name,)
            caches.add(cache.job.folder)
    assert len(caches) == 4  # of two seeds in two folds


def test_an_untrained_teacher_with_a_cache_of_its_config_has_one_for_each_fold(
    spec, tmp_path
):
    point = {"model.teacher_control": "untrained", "model.teacher_checkpoint": None}
    point["teacher_cache"] = {"dir": "cache", "views": 2}
    variant = variant_at(spec, date(2026, 6, 27), STUDENT, point)
    made = [Graph(spec, tmp_path).tasks_of(run) for run in runs_of(spec, variant)]
    assert len({cache.name for cache, _ in made}) == 2


def test_teachers_of_another_precision_have_a_cache_of_their_own(spec, tmp_path):
    spec = replace(spec, cache_views=4, folds=None)
    made = [tasks(spec, tmp_path, teacher_precision=p) for p in (None, "bf16")]
    plain, half = (cache.name for ((_, cache, _),) in made)
    assert plain != half


def test_a_complete_run_needs_no_teacher(spec, tmp_path, monkeypatch):
    monkeypatch.setattr(RunJob, "result", lambda job: 50.0)
    assert [len(each) for each in tasks(spec, tmp_path)] == [1, 1]

"""Plans at equal wall-clock; nothing is measured or trained."""

from dataclasses import replace
from datetime import date

import pytest

from mmseg_splashkd.records.record import RunRecord, Teacher
from mmseg_splashkd.records.store import write_record
from mmseg_splashkd.sweep import budgeted as module
from mmseg_splashkd.sweep.budget import ArmCost, Budget, Item, write_budget
from mmseg_splashkd.sweep.budgeted import NAME, Budgeted, check_budget, planned
from mmseg_splashkd.sweep.checks import complete
from mmseg_splashkd.sweep.cluster import Cluster, Resources
from mmseg_splashkd.sweep.graph import Graph
from mmseg_splashkd.sweep.measure_job import MeasureJob
from mmseg_splashkd.sweep.scheduler import Scheduler
from mmseg_splashkd.sweep.spec import SweepSpec
from mmseg_splashkd.sweep.teachers import TeacherJob
from mmseg_splashkd.sweep.variants import Variant, variants_of_grid
from tests.sweep.conftest import PLAIN, STUDENT, TEACHER

BEGAN = date(2026, 6, 27)


@pytest.fixture(scope="module")
def spec(tiny_farm) -> SweepSpec:
    options = tiny_farm | {"max_iters": 10, "train_cfg.max_iters": 10}
    given = {"folds": 2, "seeds": 2, "teacher": TEACHER, "baseline": PLAIN}
    return SweepSpec((STUDENT,), budget="both", cfg_options=options, **given)


@pytest.fixture(scope="module")
def arms(spec) -> list[Variant]:
    return variants_of_grid(spec, BEGAN)


@pytest.fixture
def budget(arms) -> Budget:
    """24 s for the student, 6 s of them for its teacher; 9 s for the plain one."""
    plain, student = (arm.name for arm in arms)
    teacher = Item("the teacher", 6.0, 2, "measured")
    costs = {
        plain: ArmCost(10, 10, 0.9, (0.9, 0.9)),
        student: ArmCost(10, 10, 1.8, (1.8, 1.8), (teacher,)),
    }
    return Budget("once", costs)


def test_each_arm_is_planned_in_both_views(spec, arms, budget):
    plain, longer, student = planned(spec, arms, budget)
    assert [each.name for each in (plain, longer, student)] == [
        "farm_b0_0627",
        "farm_b0_0627_wall",
        "farm_b0_kd_0627_50",
    ]
    assert [v.cfg.train_cfg.max_iters for v in (plain, longer, student)] == [10, 26, 10]
    assert longer.cfg.param_scheduler[-1].end == 26
    assert longer.options["param_scheduler.1.end"] == 26
    charges = [each.charge for each in (plain, longer, student)]
    assert [c and c.views for c in charges] == [
        ("steps",),
        ("wall",),
        ("steps", "wall"),
    ]
    assert charges[1] is not None
    assert set(charges[1].changed) < set(longer.options)
    assert [c and (c.step_s, c.teacher_s, c.budget_s) for c in charges] == [
        (0.9, 0.0, 24.0),
        (0.9, 0.0, 24.0),
        (1.8, 6.0, 24.0),
    ]


def test_one_view_has_one_run_of_each_arm(spec, arms, budget):
    names = [each.name for each in planned(replace(spec, budget="wall"), arms, budget)]
    assert names == ["farm_b0_0627_wall", "farm_b0_kd_0627_50"]


def test_the_measurement_comes_after_teachers_and_before_all_runs(
    spec, arms, budget, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "variants_of_grid", lambda *_: arms)
    spec = replace(spec, metric="mIoU")
    graph = Graph(spec, tmp_path)
    scheduler = Scheduler(Cluster(Resources()), tmp_path)
    runs = Budgeted(spec, BEGAN, tmp_path, graph)
    runs.extend(scheduler)
    runs.extend(scheduler)
    teacher, measuring = scheduler.tasks.values()
    assert isinstance(teacher.job, TeacherJob)
    assert isinstance(measuring.job, MeasureJob)
    assert (measuring.name, measuring.needs) == (NAME, ("the teacher of fold 0",))
    assert not measuring.is_run
    assert measuring.job.arms.keys() == budget.arms.keys()
    assert measuring.job.seeds == 2
    assert (runs.total, runs.rows(), runs.news()) == (8, [], [])
    write_budget(tmp_path, budget)
    runs.extend(scheduler)
    assert runs.total == 12
    assert runs.news() == budget.lines()
    assert runs.news() == []
    added = [name for name, task in scheduler.tasks.items() if task.is_run]
    assert len(added) == 12
    # Another driver, after a kill: nothing is measured again, lengths are the same.
    again = Scheduler(Cluster(Resources()), tmp_path)
    Budgeted(spec, BEGAN, tmp_path, graph).extend(again)
    assert NAME not in again.tasks
    for name in added:
        options = again.tasks[name].job.options
        assert options == scheduler.tasks[name].job.options
        length = 26 if "_wall_" in name else 10
        assert options["train_cfg.max_iters"] == length


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": "time"}, r"--budget must be one of .*'both'\), got 'time'"),
        ({"charge": "half"}, "--charge must be one of"),
        ({"budget": "steps", "charge": "shared"}, "are for --budget wall or both"),
        ({"budget": "steps", "teacher_seconds": 1.0}, "are for --budget wall or both"),
        ({"teacher_seconds": -1.0}, r"--teacher-seconds -1: it must be in \[0, 1e\+12"),
        ({"teacher_seconds": float("nan")}, "--teacher-seconds nan: it must be in"),
        ({"teacher_seconds": 1e13}, r"--teacher-seconds 1e\+13: it must be in"),
        ({"search": "tpe"}, "--budget both compares arms, and a search has one"),
    ],
)
def test_options_that_contradict_each_other(spec, changes, message):
    with pytest.raises(ValueError, match=message):
        complete(replace(spec, **changes))


def test_a_plain_student_is_needed(spec, arms):
    with pytest.raises(ValueError, match=r"needs a plain student .* give --baseline"):
        check_budget(spec, arms[1:])
    with pytest.raises(ValueError, match="needs a second arm"):
        check_budget(spec, arms[:1])
    check_budget(spec, arms)


@pytest.fixture
def given(spec, tmp_path) -> SweepSpec:
    """With the weights of a teacher that somebody has copied."""
    (tmp_path / "weights_t_last.safetensors").touch()
    pattern = str(tmp_path / "weights_*_last.safetensors")
    return replace(spec, teacher=None, folds=None, teacher_checkpoint=pattern)


def test_the_cost_of_a_teacher_must_be_known(given, arms, tmp_path):
    with pytest.raises(ValueError, match=r"no record .* --teacher-seconds SECONDS$"):
        check_budget(given, arms)
    check_budget(replace(given, teacher_seconds=7.5), arms)
    record = RunRecord("1", "t", "finished", iteration=9, config_text="x = open('y')")
    write_record(tmp_path, record)
    with pytest.raises(ValueError, match=r"cannot be read .* --teacher-seconds"):
        check_budget(given, arms)
    write_record(tmp_path, replace(record, teacher=Teacher(("big.safetensors",))))
    with pytest.raises(ValueError, match=r"distilled from big\.safetensors"):
        check_budget(given, arms)

"""Costs of arms, put together from given times."""

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from mmseg_splashkd.evaluation.interleaved import Spread
from mmseg_splashkd.records.record import RunRecord
from mmseg_splashkd.records.store import write_record
from mmseg_splashkd.runs.measure_steps import StepTime, ViewTime
from mmseg_splashkd.sweep import measure_job as module
from mmseg_splashkd.sweep.budget import Budget, read_budget
from mmseg_splashkd.sweep.measure_job import Arm, MeasureJob, teachers_of

WEIGHTS = "t/weights_t_last.safetensors"
STEPS = {"plain": 0.1, "online": 0.3, "cached": 0.2, "teacher": 0.5}


def config(name: str, lr: float = 0.1) -> Config:
    """What the job reads of a config."""
    model: dict[str, Any] = {"type": "EncoderDecoder", "name": name}
    if name not in ("plain", "teacher"):
        model |= {"type": "DistillSegmentor", "teacher_checkpoint": WEIGHTS}
    cfg = {
        "model": model,
        "train_cfg": {"max_iters": 100},
        "optim_wrapper": {"optimizer": {"type": "SGD", "lr": lr, "nesterov": True}},
    }
    return Config(cfg | ({"teacher_cache": {"dir": "c"}} if name == "cached" else {}))


CONFIGS = {
    "plain": config("plain"),
    "online": config("online"),
    "online, slowly": config("online", lr=0.01),
    "cached": config("cached"),
}


@pytest.fixture
def timed(tmp_path, monkeypatch) -> list[str]:
    """Replace reading and timing; the models whose steps are timed."""
    found: list[str] = []

    def measure(arms, caches):
        found.extend(cfg.model.name for cfg in arms.values())
        assert [cfg.model.name for cfg in caches.values()] == ["cached"]
        times = {name: STEPS[cfg.model.name] for name, cfg in arms.items()}
        steps = {
            k: StepTime(Spread(s, s - 0.01, s + 0.01), 100) for k, s in times.items()
        }
        return steps, dict.fromkeys(caches, ViewTime(Spread(0.02, 0.02, 0.02), 400))

    monkeypatch.chdir(tmp_path)
    Path(WEIGHTS).parent.mkdir()
    Path(WEIGHTS).touch()
    write_record(Path("t"), RunRecord("1", "t", "finished", iteration=60, wall_s=40.0))
    monkeypatch.setattr(module, "measure_steps", measure)
    monkeypatch.setattr(module, "read_config", lambda name, _: CONFIGS[name])
    monkeypatch.setattr(module, "recorded_config", lambda _: config("teacher"))
    return found


def measured(folder: Path, **options) -> Budget:
    """The budget that the job writes, of two seeds."""
    arms = {name: Arm(name, {}) for name in CONFIGS}
    given = {"seeds": 2, "rule": "once", **options}
    job = MeasureJob("plain", {}, folder, arms, **given)
    assert job.result() is None
    assert [*job.work()] == ["times the steps of 4 arms in turn"]
    assert job.result() is not None
    budget = read_budget(folder)
    assert budget is not None
    return budget


def test_costs_of_arms(timed, tmp_path):
    budget = measured(tmp_path)
    seconds = {name: arm.seconds("once") for name, arm in budget.arms.items()}
    # The teacher: 60 iterations x 0.5 s = 30 s. The cache: 400 views x 0.02 s = 8 s.
    assert seconds == pytest.approx(
        {"plain": 10, "online": 60, "online, slowly": 60, "cached": 58}
    )
    (teacher,) = budget.arms["cached"].teachers
    assert teacher.name == f"training of the teacher {WEIGHTS}"
    assert (
        teacher.how == "60 iterations x 0.5000 s; its record: 40.0 s with validations"
    )
    (cache,) = budget.arms["cached"].caches
    assert (cache.name, cache.runs) == ("building of the cache c", 2)
    assert cache.how == "400 views x 0.0200 s"
    assert budget.arms["plain"].quartiles_s == pytest.approx((0.09, 0.11))
    # Three arms with two seeds use the teacher: 30 / 6 = 5; the cache: 8 / 2 = 4.
    shared = {name: arm.seconds("shared") for name, arm in budget.arms.items()}
    assert shared == pytest.approx(
        {"plain": 10, "online": 35, "online, slowly": 35, "cached": 29}
    )


def test_arms_with_the_same_step_are_timed_as_one(timed, tmp_path):
    measured(tmp_path)
    assert timed == ["plain", "online", "cached", "teacher"]


def test_arms_of_other_lengths_are_counted_each(timed, tmp_path, monkeypatch):
    long = config("plain")
    long.train_cfg.max_iters = 300
    monkeypatch.setitem(CONFIGS, "plain", long)
    monkeypatch.setitem(CONFIGS, "online, slowly", config("plain"))
    measured(tmp_path)
    assert timed == ["plain", "online", "plain", "cached", "teacher"]


def test_a_given_time_of_teachers_is_not_measured(timed, tmp_path):
    budget = measured(tmp_path, teacher_seconds=7.0)
    assert "teacher" not in timed
    assert budget.arms["online"].seconds("once") == pytest.approx(37)
    assert "7.0 s (--teacher-seconds)" in "".join(budget.lines())


def test_a_teacher_that_costs_nothing_is_charged_nothing(timed, tmp_path):
    budget = measured(tmp_path, teacher_seconds=0.0)
    again = Budget.from_json(budget.to_json(), "budget.json")
    assert again.arms["online"].teacher_s("once") == 0


def test_an_arm_that_reads_no_weights_has_no_teacher_to_charge():
    without = config("online")
    del without.model["teacher_checkpoint"]
    assert teachers_of(without) == teachers_of(config("plain")) == []

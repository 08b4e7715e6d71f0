"""A search, with a scheduler that has results instead of runs."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest

from mmseg_splashkd.sweep.scheduler import (
    FAILED,
    FINISHED,
    Scheduler,
    Task,
    TaskState,
)
from mmseg_splashkd.sweep.search import Search, as_param, from_params
from mmseg_splashkd.sweep.spec import SweepSpec

SPACE = {
    "lr": {"low": 1e-4, "high": 1e-2, "kind": "log"},
    "n": {"low": 1, "high": 5, "kind": "int"},
    "size": {"choices": [[1, 2], [3, 4]]},
}
SPEC = SweepSpec(("kd.py",), search="random", space=SPACE, trials=3)


class Results(Scheduler):
    """A scheduler that starts nothing, and whose results a test sets."""

    def __init__(self, room: int = 1, trouble: str | None = None) -> None:
        cluster: Any = SimpleNamespace(capacity=lambda: room)
        super().__init__(cluster, Path())
        self.trouble = trouble

    def set(self, name: str, value: float) -> None:
        self.states[name] = TaskState(FINISHED, value=value)


def search(folder, direction: Any = "maximize", **on_disk: float) -> Search:
    """A search of runs of two folds; results on disk by name of the run."""

    def tasks_at(point, label) -> list[Task]:
        return [task(f"{label}_fold{fold}") for fold in (0, 1)]

    def task(name: str) -> Task:
        job: Any = SimpleNamespace(result=lambda: on_disk.get(name))
        return Task(name, job)

    return Search(SPEC, folder, direction, tasks_at)


def trials(folder) -> list:
    storage = f"sqlite:///{folder / 'sweep.db'}"
    return optuna.load_study(study_name="sweep", storage=storage).trials


def test_the_value_of_a_point_is_the_mean_of_its_runs(tmp_path):
    found, results = search(tmp_path), Results(room=2)
    found.extend(results)
    assert [point.name for point in found.points] == ["trial0"]
    results.set("trial0_fold0", 30.0)
    found.extend(results)
    assert [trial.value for trial in trials(tmp_path)] == [None, None]
    results.set("trial0_fold1", 60.0)
    found.extend(results)
    assert [trial.value for trial in trials(tmp_path)] == [45.0, None]
    params = trials(tmp_path)[0].params
    assert 1e-4 <= params["lr"] <= 1e-2
    assert params["n"] in range(1, 6)
    assert params["size"] in ("[1, 2]", "[3, 4]")
    title, runs = found.rows()[0]
    assert title.startswith(f"trial0 lr={params['lr']:.4g} n={params['n']} size=[")
    assert runs == ("trial0_fold0", "trial0_fold1")


def test_all_points_are_run_and_differ(tmp_path):
    found, results = search(tmp_path), Results(room=100)
    found.extend(results)
    assert [point.name for point in found.points] == ["trial0", "trial1", "trial2"]
    assert len({trial.params["lr"] for trial in trials(tmp_path)}) == 3


def test_a_restart_continues_open_points_and_records_results_on_disk(tmp_path):
    before, results = search(tmp_path), Results(room=4)
    before.extend(results)
    first = [trial.params for trial in trials(tmp_path)]
    on_disk = {"trial0_fold0": 30.0, "trial0_fold1": 60.0, "trial1_fold0": 10.0}
    after, results = search(tmp_path, **on_disk), Results(room=4)
    after.extend(results)
    assert [trial.params for trial in trials(tmp_path)][:2] == first
    assert trials(tmp_path)[0].value == 45.0
    assert results.states["trial1_fold0"].status == FINISHED
    assert results.states["trial1_fold1"].status != FINISHED
    assert len(trials(tmp_path)) == 3
    again, results = search(tmp_path, **on_disk), Results(room=100)
    again.extend(results)
    assert len(trials(tmp_path)) == 3
    assert trials(tmp_path)[0].value == 45.0


def test_a_point_without_all_parameters_gets_the_others(tmp_path):
    before = search(tmp_path)
    trial = before._trial(0)  # killed after the first parameter
    lr = trial.suggest_float("lr", 1e-4, 1e-2, log=True)
    after = search(tmp_path)
    after.extend(Results())
    assert trials(tmp_path)[0].params.keys() == SPACE.keys()
    assert trials(tmp_path)[0].params["lr"] == lr


@pytest.mark.parametrize(("direction", "worst"), [("maximize", -1), ("minimize", 1)])
def test_an_undefined_value_is_worse_than_any(tmp_path, direction, worst):
    found, results = search(tmp_path, direction=direction), Results()
    found.extend(results)
    results.set("trial0_fold0", math.nan)
    results.set("trial0_fold1", 60.0)
    found.extend(results)
    assert trials(tmp_path)[0].value == worst * math.inf


def test_a_failed_point_stays_open_for_the_next_call(tmp_path):
    found, results = search(tmp_path), Results()
    found.extend(results)
    results.states["trial0_fold0"] = TaskState(FAILED, "r is odd")
    results.set("trial0_fold1", 60.0)
    found.extend(results)
    assert [point.name for point in found.points] == ["trial0", "trial1"]
    assert trials(tmp_path)[0].value is None


def test_no_point_is_added_after_a_stop(tmp_path):
    found = search(tmp_path)
    found.extend(Results(room=9, trouble="interrupted"))
    assert trials(tmp_path) == []


def test_lists_are_chosen_as_text_and_returned_as_lists():
    assert [as_param(value) for value in (1, None, "a", [1, 2])] == [
        1,
        None,
        "a",
        "[1, 2]",
    ]
    point = from_params({"lr": 0.1, "n": 2, "size": "[3, 4]"}, SPACE)
    assert point == {"lr": 0.1, "n": 2, "size": [3, 4]}

"""The driver on a cluster of two machines, which Ray starts on this one."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from ray import cloudpickle
from ray.cluster_utils import Cluster as Machines

from mmseg_splashkd import unwritable
from mmseg_splashkd.hooks import not_finite
from mmseg_splashkd.sweep import disk, job, tasks
from mmseg_splashkd.sweep import scheduler as scheduling
from mmseg_splashkd.sweep.cluster import Cluster, Resources
from mmseg_splashkd.sweep.scheduler import (
    FAILED,
    FINISHED,
    WAITING,
    Scheduler,
    Task,
)
from tests.sweep import fake
from tests.sweep.fake import FakeJob, fake_job

STORE: dict[str, Any] = {"object_store_memory": 80 * 2**20}
# Seconds until a machine counts as dead: 1 instead of 15.
QUICK = {"health_check_period_ms": 500, "health_check_failure_threshold": 2}
STEP = 60.0  # seconds for an event; only reached if there is none
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    """Two machines of one core each; the second one may die."""
    # The processes of tasks need not import torch for these.
    for module in (fake, job, tasks, disk, unwritable, not_finite):
        cloudpickle.register_pickle_by_value(module)
    found = Machines(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "include_dashboard": False,
            "_system_config": QUICK,
            **STORE,
        },
    )
    found.add_node(num_cpus=1, **STORE)
    yield found
    found.shutdown()


@pytest.fixture(scope="module")
def cluster(machines) -> Iterator[Cluster]:
    joined = Cluster(Resources(address=machines.address))
    joined.connect()
    yield joined
    joined.close()


@pytest.fixture
def scheduler(cluster, tmp_path) -> Scheduler:
    return Scheduler(cluster, tmp_path)


def task(fake: FakeJob, *needs: str, is_run: bool = True) -> Task:
    return Task(fake.name, fake, needs, is_run)


def finish(scheduler: Scheduler) -> dict[str, tuple[str, float]]:
    """Run to the end; the table of results."""
    step_while(scheduler, lambda: scheduler.is_open)
    return {n: (s.status, s.value) for n, s in scheduler.states.items()}


def until_working(scheduler: Scheduler, *jobs: FakeJob) -> None:
    states = scheduler.states
    step_while(scheduler, lambda: any(states[j.name].text != "works" for j in jobs))
    # Sending the event takes time, in which an interrupt may be lost.
    step_while(scheduler, lambda: not all(job.waits.exists() for job in jobs), 0.05)


def step_while(
    scheduler: Scheduler, is_waiting: Callable[[], bool], step: float = STEP
) -> None:
    """Step, and fail if nothing comes, as where a busy computer loses a machine."""
    until = time.monotonic() + 4 * STEP
    while is_waiting():
        assert time.monotonic() < until, scheduler.states
        scheduler.step(step)


def test_a_task_follows_those_it_needs_and_processes_are_fresh(scheduler, tmp_path):
    teacher, *students = (fake_job(tmp_path, name) for name in ("t", "a", "b"))
    scheduler.add([task(teacher, is_run=False), *(task(s, "t") for s in students)])
    assert finish(scheduler) == dict.fromkeys("tab", (FINISHED, 50.0))
    times = [(each.folder / "value").stat().st_mtime_ns for each in students]
    assert min(times) > (teacher.folder / "value").stat().st_mtime_ns
    calls = [job.calls()[0].split() for job in (teacher, *students)]
    assert len({process for process, *_ in calls}) == 3
    assert {has_torch for *_, has_torch in calls} == {"False"}  # or it takes minutes


def test_what_is_complete_on_disk_is_not_submitted(tmp_path):
    done = fake_job(tmp_path, "a")
    done.folder.mkdir()
    (done.folder / "value").write_text("75")
    scheduler = Scheduler(Cluster(Resources()), tmp_path)  # that is not connected
    scheduler.add([task(done)])
    assert not scheduler.is_open
    assert scheduler.states["a"].value == 75.0


def test_a_killed_process_is_replaced_and_no_finished_task_is_repeated(
    scheduler, tmp_path
):
    done, held, last = (fake_job(tmp_path, n, holds=n == "b") for n in "abc")
    scheduler.add([task(done), task(held), task(last)])
    until_working(scheduler, held)
    os.kill(int(held.calls()[0].split()[0]), signal.SIGKILL)
    assert finish(scheduler) == dict.fromkeys("abc", (FINISHED, 50.0))
    assert [len(job.calls()) for job in (done, held, last)] == [1, 2, 1]


def test_an_error_is_tried_once_more_and_one_of_the_input_is_not(scheduler, tmp_path):
    broken = fake_job(tmp_path, "a", error=RuntimeError("out of luck"))
    odd = fake_job(tmp_path, "b", error=ValueError("r is odd"))
    scheduler.add([task(broken), task(odd, is_run=False)])
    scheduler.add([task(fake_job(tmp_path, "c"), "b"), task(fake_job(tmp_path, "d"))])
    table = finish(scheduler)
    assert [len(job.calls()) for job in (broken, odd)] == [2, 1]
    assert {name: status for name, (status, _) in table.items()} == {
        **dict.fromkeys("abc", FAILED),
        "d": FINISHED,
    }
    states = scheduler.states
    assert states["a"].text == f"RuntimeError: out of luck (see {broken.log})"
    assert states["b"].text == f"ValueError: r is odd (see {odd.log})"
    assert states["c"].text == "it needs b"
    assert "RuntimeError: out of luck" in broken.log.read_text()


def test_stopping_interrupts_what_runs_and_the_next_call_continues(
    cluster, scheduler, tmp_path
):
    jobs = [fake_job(tmp_path, name, holds=name == "a") for name in "ab"]
    scheduler.add([task(jobs[0]), task(jobs[1], "a")])
    until_working(scheduler, jobs[0])
    scheduler.stop("interrupted by SIGINT")
    assert {status for status, _ in finish(scheduler).values()} == {WAITING}
    assert scheduler.trouble == "interrupted by SIGINT"
    assert jobs[1].calls() == []
    again = Scheduler(cluster, tmp_path)
    again.add([task(job) for job in jobs])
    assert finish(again) == dict.fromkeys("ab", (FINISHED, 50.0))


def test_what_an_interrupt_does_not_end_is_killed(scheduler, tmp_path, monkeypatch):
    monkeypatch.setattr(scheduling, "GRACE", 0.5)
    deaf = fake_job(tmp_path, "a", holds=True, is_deaf=True)
    scheduler.add([task(deaf)])
    until_working(scheduler, deaf)
    scheduler.stop("interrupted by SIGINT")
    assert finish(scheduler)["a"][0] == WAITING
    assert len(deaf.calls()) == 1


def test_a_full_disk_stops_the_sweep_and_fails_no_run(scheduler, tmp_path, monkeypatch):
    full = fake_job(tmp_path, "a", error=RuntimeError("No space left on device"))
    scheduler.add([task(full), task(fake_job(tmp_path, "b"), "a")])
    finish(scheduler)
    assert {state.status for state in scheduler.states.values()} == {WAITING}
    assert "No space left on device" in str(scheduler.trouble)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    next_call = Scheduler(scheduler.cluster, tmp_path)
    next_call.add([task(fake_job(tmp_path, "c"))])
    finish(next_call)
    assert str(next_call.trouble).startswith(f"{tmp_path}: 0 MiB are free")
    assert fake_job(tmp_path, "c").calls() == []


def test_a_run_of_a_machine_that_dies_moves_to_another(machines, scheduler, tmp_path):
    assert scheduler.cluster.capacity() == 2
    jobs = {name: fake_job(tmp_path, name, holds=True) for name in "ab"}
    scheduler.add([*map(task, jobs.values()), task(fake_job(tmp_path, "c"))])
    until_working(scheduler, *jobs.values())
    (second,) = machines.worker_nodes
    lost, kept = sorted(
        jobs.values(), key=lambda job: second.node_id not in job.calls()[0]
    )
    assert second.node_id not in kept.calls()[0]
    machines.remove_node(second, allow_graceful=False)
    kept.release()
    assert finish(scheduler) == dict.fromkeys("abc", (FINISHED, 50.0))
    assert [len(job.calls()) for job in (kept, lost)] == [1, 2]
    assert scheduler.cluster.capacity() == 1

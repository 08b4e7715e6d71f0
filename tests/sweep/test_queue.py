"""The queue against a plain account of what each worker did."""

import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from mmseg_splashkd.sweep.lease import Lease, LeaseWatch, my_lease
from mmseg_splashkd.sweep.queue import (
    FAILED,
    RUNNING,
    WAITING,
    SweepQueue,
    Taken,
    Unit,
    Why,
    as_param,
    from_params,
)
from mmseg_splashkd.sweep.spec import Sweep, SweepSpec
from mmseg_splashkd.sweep.storage import open_storage, optuna

SWEEP = Sweep(SweepSpec(("config.py",)), date(2026, 6, 27), {"config.py": "1"})
GRID = {"r": {"choices": [0, 0.5, 1]}}
UNITS = [Unit(f"r{value}", {"r": value}) for value in (0, 0.5, 1)]
HERE = my_lease()
THERE = replace(HERE, machine="elsewhere")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def begin(
    folder: Path, units=UNITS, space=GRID, sampler=None, storage=None, clock=None
):
    folder.mkdir(exist_ok=True)
    watch = LeaseWatch(120, clock or Clock())
    queue = SweepQueue(storage or optuna.storages.InMemoryStorage(), folder, watch)
    queue.open(SWEEP, "maximize", "memory")
    queue.fill(units, space, sampler, anew=True)
    return queue


@pytest.fixture
def queue(tmp_path) -> SweepQueue:
    return begin(tmp_path / "sweep")


def take(queue: SweepQueue, lease: Lease = HERE) -> Taken:
    taken = queue.take(lease)
    assert taken is not None
    return taken


def states(queue: SweepQueue) -> dict[str, str]:
    return {name: found.state for name, found in queue.states().items()}


def test_units_are_taken_in_their_order_and_once(queue):
    names = [taken.name for taken in iter(lambda: queue.take(HERE), None)]
    assert names == ["r0", "r0.5", "r1"]
    assert set(states(queue).values()) == {RUNNING}
    assert not queue.is_finished()


def test_what_is_done_is_kept_and_not_enqueued_again(queue):
    while (taken := queue.take(HERE)) is not None:
        assert taken.done(taken.params["r"], {"what": taken.name})
    queue.fill(UNITS, GRID, None, anew=True)
    queue.refill()
    assert queue.take(HERE) is None
    assert queue.is_finished()
    assert {n: s.value for n, s in queue.states().items()} == {
        "r0": 0,
        "r0.5": 0.5,
        "r1": 1,
    }


def test_no_number_is_worse_than_any(queue):
    taken = take(queue)
    assert taken.done(float("nan"), {})
    assert str(queue.states()["r0"].value) == "nan"
    take(queue).done(-5.0, {})
    assert queue.study().best_value == -5.0


def test_a_unit_of_a_worker_that_is_gone_is_free_again(tmp_path):
    clock = Clock()
    queue = begin(tmp_path / "sweep", clock=clock)
    lost = take(queue, THERE)
    clock.now = 1
    queue.refill()  # sees it for the first time
    clock.now = 120
    assert lost.beat("trains")
    queue.refill()
    clock.now = 240
    queue.refill()
    assert states(queue)["r0"] == RUNNING
    clock.now = 241
    queue.refill()
    assert states(queue)["r0"] == WAITING
    assert not lost.beat("trains")
    names = [taken.name for taken in iter(lambda: queue.take(HERE), None)]
    assert names == ["r0.5", "r1", "r0"]


def test_who_lost_a_unit_cannot_speak_for_it(tmp_path):
    clock = Clock()
    queue = begin(tmp_path / "sweep", UNITS[:1], clock=clock)
    lost = take(queue, THERE)
    queue.refill()
    clock.now = 121
    queue.refill()
    mine = take(queue)
    assert not lost.done(1.0, {})
    lost.failed(Why("error", "late"))
    assert states(queue) == {"r0": RUNNING}
    assert mine.done(2.0, {})
    assert queue.states()["r0"].value == 2.0


def fail(queue: SweepQueue, kind: str) -> None:
    take(queue).failed(Why(kind, f"because of {kind}"))
    queue.refill()


def test_a_unit_that_fails_twice_is_given_up_until_the_next_start(tmp_path):
    queue = begin(tmp_path / "sweep", UNITS[:1])
    fail(queue, "error")
    assert states(queue) == {"r0": WAITING}
    fail(queue, "error")
    assert states(queue) == {"r0": FAILED}
    assert queue.states()["r0"].why == "because of error"
    assert queue.take(HERE) is None
    assert queue.is_finished()
    queue.fill(UNITS[:1], GRID, None, anew=False)  # another worker joins
    assert states(queue) == {"r0": FAILED}
    queue.fill(UNITS[:1], GRID, None, anew=True)
    assert states(queue) == {"r0": WAITING}
    assert take(queue).params == {"r": 0}


def test_bad_input_is_not_tried_again(tmp_path):
    queue = begin(tmp_path / "sweep", UNITS[:1])
    fail(queue, "input")
    assert states(queue) == {"r0": FAILED}


@pytest.mark.parametrize("kind", ["stopped", "disk"])
def test_what_was_no_fault_of_a_unit_counts_for_nothing(tmp_path, kind):
    queue = begin(tmp_path / "sweep", UNITS[:1])
    for _ in range(4):
        fail(queue, kind)
    assert states(queue) == {"r0": WAITING}


@pytest.mark.parametrize("url", ["sqlite:///{}/sweep.db", "journal:{}/sweep.log"])
def test_many_workers_share_a_storage(tmp_path, url):
    url = url.format(tmp_path)
    units = [Unit(f"u{n}", {"n": n}) for n in range(5)]
    space = {"n": {"choices": list(range(5))}}
    begin(tmp_path / "sweep", units, space, storage=open_storage(url))
    names: list[str] = []

    def work() -> None:
        queue = SweepQueue(open_storage(url), tmp_path / "sweep")
        queue.open(SWEEP, "maximize", url)
        queue.fill(units, space, None, anew=False)
        while (taken := queue.take(HERE)) is not None:
            names.append(taken.name)
            taken.done(1.0, {})

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(names) == sorted(unit.name for unit in units)


SPACE = {
    "lr": {"low": 1e-4, "high": 1e-2, "kind": "log"},
    "n": {"low": 1, "high": 3, "kind": "int"},
    "shape": {"choices": [[1, 2], "all"]},
}
POINTS = [Unit(f"trial{n}") for n in range(4)]


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_search_draws_each_point_once_and_the_same_again(tmp_path, sampler):
    drawn = []
    for folder in ("one", "two"):
        queue = begin(tmp_path / folder, POINTS, SPACE, sampler)
        taken = list(iter(lambda queue=queue: queue.take(HERE), None))
        assert [each.name for each in taken] == [unit.name for unit in POINTS]
        drawn.append([from_params(each.params, SPACE) for each in taken])
    assert drawn[0] == drawn[1]
    assert len({point["lr"] for point in drawn[0]}) == len(POINTS)
    for point in drawn[0]:
        assert 1e-4 <= point["lr"] <= 1e-2
        assert point["n"] in (1, 2, 3)
        assert point["shape"] in ([1, 2], "all")


def test_a_point_that_is_free_again_stays_the_same_point(tmp_path):
    queue = begin(tmp_path / "sweep", POINTS, SPACE, "tpe")
    first = take(queue)
    take(queue).failed(Why("stopped", ""))
    first.failed(Why("stopped", ""))
    queue.refill()
    again = [take(queue) for _ in range(3)]
    assert [taken.name for taken in again] == ["trial0", "trial1", "trial2"]
    assert again[0].params == first.params != again[1].params


def test_parameters_are_scalars():
    assert [as_param(v) for v in (None, True, 0.5, "a", [1, 2])] == [
        None,
        True,
        0.5,
        "a",
        "[1, 2]",
    ]


def test_a_storage_of_another_sweep_or_study(tmp_path):
    storage = optuna.storages.InMemoryStorage()
    first = begin(tmp_path / "sweep", storage=storage)
    other = replace(SWEEP, spec=replace(SWEEP.spec, seeds=2))
    queue = SweepQueue(storage, tmp_path / "sweep")
    known = queue.open(other, "maximize", "memory")
    assert known.differences(other) == ["seeds: it has None, asked for is 2"]
    (first.folder / "sweep.json").unlink()
    with pytest.raises(ValueError, match="its folder was moved or removed"):
        queue.open(other, "maximize", "memory")
    study = optuna.create_study(storage=storage, study_name="mine")
    study.tell(study.ask(), 1.0)
    with pytest.raises(ValueError, match="'mine' that is no sweep of ours"):
        SweepQueue(storage, tmp_path / "mine").open(SWEEP, "maximize", "memory")


def test_a_storage_that_cannot_be_used(tmp_path):
    (tmp_path / "text.db").write_text("no database\n" * 100)
    for url, said in (
        (f"sqlite:///{tmp_path}/text.db", "file is not a database"),
        (f"sqlite:///{tmp_path}/no/where.db", "unable to open"),
        ("splash", "Could not parse"),
        ("nosuchdb://me:secret@host/db", "cannot be used"),
    ):
        with pytest.raises(ValueError, match=said) as caught:
            open_storage(url)
        assert "secret" not in str(caught.value)

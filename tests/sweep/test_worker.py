"""Workers with runs that are no training."""

import shutil
import threading
from types import SimpleNamespace

import pytest

from mmseg_splashkd.sweep.disk import DiskFull
from mmseg_splashkd.sweep.plan import Cell
from mmseg_splashkd.sweep.process import Stopped, WorkFailed
from mmseg_splashkd.sweep.queue import DONE, FAILED, WAITING, Unit
from mmseg_splashkd.sweep.worker import Heart, Worker
from tests.sweep.test_queue import GRID, UNITS, begin, states, take


class Runs:
    """Runs that give a figure each, or raise what they are told to."""

    def __init__(self, **told) -> None:
        self.told = told
        self.made: list = []

    def __call__(self, cell, report, halted) -> dict:
        self.made.append(cell.name)
        report("trains")
        answer = self.told.get(cell.name.replace(".", "_"), 50.0)
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"val": {"mIoU": answer}, "test": None}


def work(queue, runs, cells=1, metric="mIoU", stop=None) -> Worker:
    def cells_of(taken) -> list[Cell]:
        names = [taken.name, *(f"{taken.name}_{n}" for n in range(1, cells))]
        return [SimpleNamespace(name=name) for name in names]  # type: ignore

    stop = stop or threading.Event()
    worker = Worker(queue, cells_of, runs, metric, "cpu", stop)
    worker.run()  # in this thread
    return worker


@pytest.fixture
def queue(tmp_path):
    return begin(tmp_path / "sweep")


def test_everything_is_run_once(queue):
    runs = Runs(r0_5=75.0)
    assert work(queue, runs).trouble is None
    assert runs.made == ["r0", "r0.5", "r1"]
    values = {name: found.value for name, found in queue.states().items()}
    assert values == {"r0": 50.0, "r0.5": 75.0, "r1": 50.0}
    work(queue, runs)
    assert len(runs.made) == 3


def test_the_value_of_a_point_is_the_mean_of_its_runs(tmp_path):
    queue = begin(tmp_path / "sweep", [Unit("r0", {"r": 0})])
    work(queue, Runs(r0=30.0, r0_1=60.0, r0_2=None), cells=2)
    found = queue.states()["r0"]
    assert found.value == 45.0
    assert found.trial is not None
    assert found.trial.user_attrs["result"]["r0_1"]["val"] == {"mIoU": 60.0}


class Refilling(Runs):
    """As the thread beside the workers does, look for what shall be tried again."""

    def __init__(self, queue, **told) -> None:
        super().__init__(**told)
        self.queue = queue

    def __call__(self, *args) -> dict:
        self.queue.refill()
        return super().__call__(*args)


def test_a_run_that_fails_is_tried_once_more(queue):
    runs = Refilling(queue, r0=[WorkFailed("killed", True), 40.0])
    work(queue, runs)
    assert runs.made == ["r0", "r0.5", "r1", "r0"]
    assert queue.states()["r0"].value == 40.0


def test_a_run_that_cannot_work_does_not_stop_the_others(queue):
    work(queue, Refilling(queue, r0=WorkFailed("ValueError: r is odd", False)))
    assert states(queue) == {"r0": FAILED, "r0.5": DONE, "r1": DONE}
    assert queue.states()["r0"].why == "ValueError: r is odd"


def test_an_unknown_metric_is_named(queue):
    work(queue, Runs(), metric="Dice.splish")
    assert "--metric Dice.splish is none of mIoU" in queue.states()["r0"].why


def test_a_full_disk_ends_the_worker_and_keeps_the_run(queue):
    worker = work(queue, Runs(r0_5=DiskFull("the disk is full: weights")))
    assert worker.trouble == "the disk is full: weights"
    queue.refill()
    assert states(queue) == {"r0": DONE, "r0.5": WAITING, "r1": WAITING}


def test_a_full_disk_is_never_held_against_a_run(tmp_path):
    queue = begin(tmp_path / "sweep", UNITS[:1])
    for _ in range(3):
        work(queue, Runs(r0=DiskFull("the disk is full")))
        queue.refill()
    assert states(queue) == {"r0": WAITING}


def test_a_run_ends_when_its_unit_was_given_away(tmp_path):
    queue, stop = begin(tmp_path / "sweep", UNITS[:1]), threading.Event()

    class Suspended(Runs):
        """Another frees the unit meanwhile, which the next report meets."""

        def __call__(self, cell, report, halted) -> dict:
            assert not halted()
            trial = queue.states()[cell.name].trial
            assert trial is not None
            queue.study().tell(trial.number, state=type(trial.state).FAIL)
            report("trains")
            for _ in range(2000):  # the heart beats in a thread of its own
                if not halted():
                    threading.Event().wait(0.005)
            self.made.append(halted())
            stop.set()
            raise Stopped

    runs = Suspended()
    assert work(queue, runs, stop=stop).trouble is None
    assert runs.made == [True]
    queue.refill()
    assert states(queue) == {"r0": WAITING}


def test_no_run_is_begun_without_room(queue, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    runs = Runs()
    assert "make room" in str(work(queue, runs).trouble)
    assert runs.made == []
    assert set(states(queue).values()) == {WAITING}


def test_a_storage_on_a_full_disk_is_told_as_that(queue, monkeypatch):
    cause = OSError("(sqlite3.OperationalError) database or disk is full\n[SQL: ...]")

    def take(lease) -> None:
        raise RuntimeError("An exception is raised during the commit") from cause

    monkeypatch.setattr(queue, "take", take)
    said = "the disk is full, make room: (sqlite3.OperationalError) database or disk"
    assert str(work(queue, Runs()).trouble).startswith(said)


def test_a_stopped_run_waits_again(queue):
    stop = threading.Event()

    class Stopping(Runs):
        def __call__(self, cell, report, halted) -> dict:
            assert not halted()
            stop.set()
            assert halted()
            raise Stopped

    work(queue, Stopping(), stop=stop)
    queue.refill()
    assert set(states(queue).values()) == {WAITING}
    queue.fill(UNITS, GRID, None, anew=False)
    runs = Runs()
    work(queue, runs)
    assert sorted(runs.made) == ["r0", "r0.5", "r1"]


def test_a_heart_notices_that_its_unit_was_given_away(queue):
    taken = take(queue)
    with Heart(taken, every=0.01) as heart:
        heart.report("trains")
        queue.study().tell(0, state=queue.study().trials[0].state.FAIL)
        heart._thread.join(10)
        assert heart.lost
    assert not taken.done(1.0, {})


def test_two_workers_share_the_work(tmp_path):
    units = [Unit(f"u{n}", {"r": 0}) for n in range(10)]
    queue = begin(tmp_path / "sweep", units)
    both = threading.Barrier(2, timeout=30)

    class Meeting(Runs):
        def __call__(self, *args) -> dict:
            both.wait()  # passes only while the other is at work, too
            return super().__call__(*args)

    runs = Meeting()
    threads = [threading.Thread(target=work, args=(queue, runs)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(runs.made) == sorted(unit.name for unit in units)

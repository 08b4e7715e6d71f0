import os
import subprocess
import sys

import pytest

from mmseg_splashkd.sweep.lease import LeaseWatch, my_lease


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_living_worker_of_this_machine_keeps_its_lease(clock):
    watch, lease = LeaseWatch(120, clock), my_lease().to_dict()
    assert not watch.lost(0, lease)
    clock.now = 1e6
    assert not watch.lost(0, lease)


def test_a_dead_one_loses_it_at_once():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    lease = my_lease().to_dict() | {"pid": process.pid}
    assert LeaseWatch().lost(0, lease)


def test_a_number_used_again_is_another_process():
    lease = my_lease().to_dict()
    assert lease["pid"] == os.getpid()
    if lease["started"] == 0:
        pytest.skip("this system does not tell when a process started")
    assert LeaseWatch().lost(0, lease | {"started": lease["started"] - 1})


def test_beats_of_another_machine_are_watched_by_the_clock_here(clock):
    watch = LeaseWatch(120, clock)
    lease = my_lease().to_dict() | {"machine": "elsewhere"}
    for beat, now, lost in [
        (5, 0, False),
        (5, 119, False),
        (6, 120, False),  # it beat
        (6, 240, False),
        (6, 241, True),
    ]:
        clock.now = now
        assert watch.lost(3, lease | {"beat": beat}) is lost, now


def test_a_run_taken_without_a_word_is_waited_for_as_long(clock):
    watch = LeaseWatch(120, clock)
    assert not watch.lost(0, None)
    clock.now = 121
    assert watch.lost(0, None)

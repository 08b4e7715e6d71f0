"""Signs of life between processes, with a clock of our own and a store in memory."""

import os
import socket
from typing import Any

import pytest
from torch.distributed import HashStore  # type: ignore[attr-defined]

from mmseg_splashkd.hooks.rank_watch import LostRank, RankWatch
from mmseg_splashkd.hooks.rank_watch_hook import RankWatchHook


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def watches(size: int, clock: Clock, store=None) -> list[RankWatch]:
    store = HashStore() if store is None else store
    found: list[LostRank] = []
    return [RankWatch(store, r, size, 20.0, found.append, clock) for r in range(size)]


def pass_time(clock: Clock, seconds: int, *alive: RankWatch) -> None:
    for _ in range(seconds):
        clock.now += 1
        for watch in alive:
            watch.step()


def test_none_is_lost_while_all_give_signs():
    clock = Clock()
    all_three = watches(3, clock)
    pass_time(clock, 100, *all_three)
    assert [watch.lost(2.0) for watch in all_three] == [None] * 3


def test_the_one_that_fell_silent_first_is_lost_with_its_iteration():
    clock = Clock()
    first, second, third = watches(3, clock)
    third.iteration = 7
    pass_time(clock, 3, first, second, third)
    third.iteration = 8  # which no sign has told
    pass_time(clock, 10, first, second)
    pass_time(clock, 10, first)  # who read the last sign one second late
    assert first.lost(20.0) is None
    pass_time(clock, 1, first)
    assert first.lost(20.0) == LostRank(2, 20.0, 7)
    found = first.lost(5.0)
    assert found is not None
    assert found.rank == 2  # not the second, which is late too


def test_one_that_gave_no_sign_at_all_is_lost():
    clock = Clock()
    first, _ = watches(2, clock)
    pass_time(clock, 20, first)
    found = first.lost(20.0)
    assert found is not None
    assert (found.rank, found.host) == (1, "")
    assert "process 1 of 2 has given no sign for 20 s" in found.words(2)


def test_one_that_has_ended_is_not_lost():
    clock = Clock()
    first, second = watches(2, clock)
    pass_time(clock, 2, first, second)
    second.stop()
    pass_time(clock, 100, first)
    assert first.lost(20.0) is None


class BrokenStore:
    """A store whose process is gone."""

    def set(self, *_: object) -> None:
        raise RuntimeError("connection reset by peer")


def broken_store() -> Any:
    return BrokenStore()


def test_without_the_store_the_first_process_is_lost_at_once():
    clock = Clock()
    store = HashStore()
    first, second = watches(2, clock, store)
    pass_time(clock, 2, first, second)
    second.store = broken_store()
    pass_time(clock, 1, second)
    found = second.lost(20.0)
    assert found is not None
    assert found.rank == 0


def test_without_the_store_a_first_process_that_has_ended_is_not_lost():
    clock = Clock()
    first, second = watches(2, clock)
    first.stop()
    pass_time(clock, 1, second)
    second.store = broken_store()
    pass_time(clock, 1, second)
    assert second.lost(20.0) is None


def test_a_store_that_does_not_answer_is_a_lost_first_process():
    clock = Clock()
    first, second = watches(2, clock)
    pass_time(clock, 2, first, second)
    pass_time(clock, 19, first)  # the thread of the second one waits for an answer
    assert second.lost(20.0) is None
    clock.now += 1
    found = second.lost(20.0)
    assert found is not None
    assert (found.rank, found.silent_s) == (0, 20.0)


def test_of_three_the_stopped_holder_of_the_store_is_lost_and_not_one_unheard():
    clock = Clock()
    first, second, third = watches(3, clock)
    pass_time(clock, 2, first, second, third)
    pass_time(clock, 2, first, second)  # the third one was late by a moment
    clock.now += 20  # the first one is stopped, and answers nobody
    for watch in (second, third):
        found = watch.lost(20.0)
        assert found is not None
        assert found.rank == 0


def test_the_thread_calls_back_once():
    store, found = HashStore(), []
    watch = RankWatch(store, 0, 2, 0.01, found.append)
    RankWatch(store, 1, 2, 0.01, found.append).introduce()
    watch.start()
    for thread in watch._threads:
        thread.join(0 if thread is watch._threads[0] else 10)
    ((rank, host, pid),) = [(lost.rank, lost.host, lost.pid) for lost in found]
    assert (rank, host, pid) == (1, socket.gethostname(), os.getpid())
    watch.stop()


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_time_limit_is_above_zero(timeout):
    with pytest.raises(ValueError, match="seconds above 0"):
        RankWatchHook(timeout)

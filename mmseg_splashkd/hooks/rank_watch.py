"""Signs of life that the processes of one run give each other."""

import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from torch.distributed import Store  # type: ignore[attr-defined]

BEAT = 0.5  # seconds between two signs
SIGN, PLACE, ENDED = "sign", "place", "ended"
Clock = Callable[[], float]


@dataclass(frozen=True)
class LostRank:
    """A process that gives no sign any more.

    Attributes:
        rank: Its rank.
        silent_s: Seconds since its last sign.
        iteration: Iteration of its last sign, from 0.
        host: Name of its machine; empty if it gave none.
        pid: Its process id there.
    """

    rank: int
    silent_s: float
    iteration: int = 0
    host: str = ""
    pid: int = 0

    def words(self, size: int) -> str:
        """What to tell the user and the record."""
        where = f" (pid {self.pid} on {self.host})" if self.host else ""
        return (
            f"process {self.rank} of {size}{where} has given no sign for "
            f"{self.silent_s:.0f} s (the last one in iteration {self.iteration}): it "
            f"was killed or stopped, or its machine is lost"
        )


class RankWatch:
    """Gives the signs of one process, and notes the age of those of the others.

    A thread gives a sign every ``BEAT`` seconds, also while the process waits for
    others in a collective operation, and not where it is stopped (SIGSTOP) or dead.
    Ages are measured here, by when a sign changed, so that clocks need not agree.
    Another thread reads the ages, for a stopped first process does not answer.

    Args:
        store: Store that all processes share; the first one holds it.
        rank: Rank of this process.
        size: Number of processes.
        timeout: Seconds without a sign after which a process is lost, above 0.
        on_lost: Called once, in the thread, with the process that fell silent first.
        clock: Seconds, for tests.
    """

    def __init__(
        self,
        store: Store,
        rank: int,
        size: int,
        timeout: float,
        on_lost: Callable[[LostRank], None],
        clock: Clock = time.monotonic,
    ) -> None:
        self.store, self.rank, self.size = store, rank, size
        self.timeout, self.on_lost = timeout, on_lost
        self.iteration = 0
        self._clock, self._count = clock, 0
        now = clock()
        self._seen: dict[int, tuple[str, float]] = dict.fromkeys(
            (other for other in range(size) if other != rank), ("", now)
        )
        self._places: dict[int, tuple[str, int]] = {}
        self._store_lost = False
        self._answered = now
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=each, name="rank-watch", daemon=True)
            for each in (self._give, self._judge)
        ]

    def start(self) -> None:
        """Tell the others where this process is, wait for them, and give signs.

        Raises:
            RuntimeError: One of them does not answer within the store's time limit.
        """
        self.introduce()
        for rank in self._seen:
            host, pid = self.store.get(f"{PLACE}{rank}").decode().rsplit(" ", 1)
            self._places[rank] = host, int(pid)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Say that this process ends as it should, and give no more signs."""
        if self._stop.is_set():
            return
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(BEAT * 4)
        self._try(lambda: self.store.set(f"{ENDED}{self.rank}", "1"))

    def introduce(self) -> None:
        """Tell the others where this process is."""
        self.store.set(f"{PLACE}{self.rank}", f"{socket.gethostname()} {os.getpid()}")

    def step(self) -> None:
        """Give one sign, and read those of the others."""
        self._count += 1
        self._try(self._exchange)

    def lost(self, silent: float) -> LostRank | None:
        """The process that fell silent first, if any has been for so many seconds.

        Args:
            silent: Seconds without a sign.
        """
        now = self._clock()
        if self._store_lost or (self.rank and now - self._answered >= silent):
            # The first process holds the store: without it, nothing is known of others.
            since = self._seen[0][1] if 0 in self._seen else None
            return None if since is None else self._described(0, now - since)
        ages = {rank: now - since for rank, (_, since) in self._seen.items()}
        late = {rank: age for rank, age in ages.items() if age >= silent}
        if not late:
            return None
        first = max(late, key=lambda rank: late[rank])
        return self._described(first, late[first])

    def find_lost(self, silent: float, patience: float) -> LostRank | None:
        """Like ``lost``, waiting until one has been silent for long enough.

        Args:
            silent: Seconds without a sign.
            patience: Seconds to wait at most.
        """
        until = self._clock() + patience
        while (found := self.lost(silent)) is None and self._clock() < until:
            if self._stop.wait(BEAT / 2):
                break
        return found

    def _give(self) -> None:
        while not self._stop.wait(BEAT) and not self._store_lost:
            self.step()

    def _judge(self) -> None:
        while not self._stop.wait(BEAT):
            found = self.lost(self.timeout)
            if found is not None and not self._stop.is_set():
                self.on_lost(found)
                return

    def _exchange(self) -> None:
        self.store.set(f"{SIGN}{self.rank}", f"{self._count} {self.iteration}")
        for rank in list(self._seen):
            if self.store.check([f"{ENDED}{rank}"]):
                del self._seen[rank]
                continue
            if not self.store.check([f"{SIGN}{rank}"]):
                continue
            sign = self.store.get(f"{SIGN}{rank}").decode()
            if sign != self._seen[rank][0]:
                self._seen[rank] = sign, self._clock()
        self._answered = self._clock()

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except RuntimeError:  # torch.distributed.DistError: the store is gone
            self._store_lost = True

    def _described(self, rank: int, age: float) -> LostRank:
        sign = self._seen[rank][0] if rank in self._seen else ""
        iteration = int(sign.split()[1]) if sign else 0
        host, pid = self._places.get(rank, ("", 0))
        return LostRank(rank, age, iteration, host, pid)


def same_host(lost: LostRank) -> bool:
    """Whether a process was on this machine."""
    return lost.host == socket.gethostname()

"""Who works on a run, and how others see that nobody does any more."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

EXPIRES = 120.0  # seconds without a beat
BEATS = 10.0  # seconds between beats


@dataclass(frozen=True)
class Lease:
    """What a worker writes to a run while it works on it.

    Args:
        machine: Tells machines, and containers on one, apart.
        host: Its name, for people.
        pid: Of the worker.
        started: When that process started, in the kernel's ticks; 0 if unknown. A
            process of the same number that started later is another.
        beat: Counts up.
        phase: What it is doing, for people.
        since: UNIX seconds when the work began.
        device: The GPU, or ``'cpu'``.
    """

    machine: str
    host: str
    pid: int
    started: int
    beat: int = 0
    phase: str = "starting"
    since: float = 0.0
    device: str = "cpu"

    def next(self, phase: str) -> "Lease":
        """One beat later."""
        return replace(self, beat=self.beat + 1, phase=phase)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def my_lease(device: str = "cpu") -> Lease:
    """A lease of this process, from now on."""
    pid = os.getpid()
    return Lease(
        machine=this_machine(),
        host=socket.gethostname(),
        pid=pid,
        started=_started(pid),
        since=time.time(),
        device=device,
    )


def this_machine() -> str:
    """Name, boot and process-number space of the machine: a container has its own."""
    parts = [socket.gethostname()]
    boot = Path("/proc/sys/kernel/random/boot_id")
    if boot.is_file():
        parts.append(boot.read_text().strip())
    space = Path("/proc/self/ns/pid")
    if space.is_symlink():
        parts.append(str(space.readlink()))
    return " ".join(parts)


def _started(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[19])


def _alive(pid: int, started: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, and alive
        pass
    return _started(pid) == started


class LeaseWatch:
    """Sees which leases are lost.

    On this machine the worker's process is looked for. Of other machines the beats are
    watched by the clock of this one, for clocks of two machines never agree: a lease is
    lost if its beat stands still for ``expires`` seconds.

    Args:
        expires: Seconds.
        clock: Seconds that never go back.
    """

    def __init__(
        self, expires: float = EXPIRES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.expires = expires
        self.clock = clock
        self.machine = this_machine()
        self._seen: dict[int, tuple[int, float]] = {}

    def lost(self, number: int, lease: Mapping[str, Any] | None) -> bool:
        """Whether nobody works on trial ``number``, whose lease is given, any more."""
        if lease and lease["machine"] == self.machine:
            return not _alive(lease["pid"], lease["started"])
        beat, now = lease["beat"] if lease else -1, self.clock()
        last, since = self._seen.setdefault(number, (beat, now))
        if beat != last:
            self._seen[number] = (beat, now)
            return False
        return now - since > self.expires

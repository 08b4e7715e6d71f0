"""How busy the machine was with other work while something was measured."""

import os
import time
from pathlib import Path
from typing import NamedTuple

STAT = Path("/proc/stat")  # of Linux
# user, nice, system, idle, iowait, irq, softirq, steal; later columns are in the first
COLUMNS, IDLE = 8, slice(3, 5)
BUSY = 0.1  # share of the processor from which on times are marked


class ProcessorTime(NamedTuple):
    """Processor time up to now, in seconds.

    Attributes:
        total: Of all cores that this process may use, idle time included.
        used: Of these, by any process.
        own: By this process, all its threads.
    """

    total: float
    used: float
    own: float


def processor_time() -> ProcessorTime | None:
    """Processor time up to now; None where the system does not tell (not Linux)."""
    if not STAT.is_file() or not hasattr(os, "sched_getaffinity"):
        return None
    cores = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    total = used = 0
    for line in STAT.read_text().splitlines():
        name, *columns = line.split()
        if name in cores:
            ticks = [int(each) for each in columns[:COLUMNS]]
            total += sum(ticks)
            used += sum(ticks) - sum(ticks[IDLE])
    hertz = os.sysconf("SC_CLK_TCK")
    return ProcessorTime(total / hertz, used / hertz, time.process_time())


def share_of_others(
    before: ProcessorTime | None, after: ProcessorTime | None
) -> float | None:
    """Share in [0, 1] of the processor that other processes used between two moments.

    Time that the host of a virtual machine has taken away counts as theirs.

    Args:
        before: The first moment.
        after: The second moment.

    Returns:
        None where the system does not tell, or no time has passed.
    """
    if before is None or after is None or after.total <= before.total:
        return None
    used = (after.used - before.used) - (after.own - before.own)
    return min(max(used / (after.total - before.total), 0.0), 1.0)

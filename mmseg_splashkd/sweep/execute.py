"""Run the tasks of a driver to their end, or until a signal."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mmseg_splashkd.sweep.scheduler import Scheduler

STEP = 1.0  # seconds between two updates of the progress


def execute(scheduler: Scheduler, on_step: Callable[[], None]) -> signal.Signals | None:
    """Run tasks until none is left, or until a signal, which interrupts them.

    Args:
        scheduler: Holds the tasks; its cluster is connected, and closed at the end.
        on_step: Called after each step; may add tasks.

    Returns:
        The signal; None without one. A second one kills this process, Ray and the
        tasks.
    """
    scheduler.cluster.connect()
    with _signals() as received:  # after Ray, which sets a handler of its own
        try:
            while scheduler.is_open:
                scheduler.step(STEP)
                on_step()
                if received and not scheduler.is_stopping:
                    scheduler.stop(f"interrupted by {received[0].name}")
        finally:
            scheduler.cluster.close()
    return received[0] if received else None


@contextmanager
def _signals() -> Iterator[list[signal.Signals]]:
    """Collect signals to stop; a second one kills this process, Ray and the runs."""
    received: list[signal.Signals] = []

    def handle(number: int, frame: Any) -> None:
        del frame
        received.append(signal.Signals(number))
        if len(received) > 1:
            os._exit(128 + number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
    before = [(number, signal.signal(number, handle)) for number in numbers]
    try:
        yield received
    finally:
        for number, handler in before:
            signal.signal(number, handler)

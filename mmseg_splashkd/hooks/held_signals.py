"""Delays signals while files are written."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

STOPS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
    if hasattr(signal, name)
)


@contextmanager
def held_signals() -> Iterator[None]:
    """Deliver signals that would end the process after the context, in their order.

    Only the main thread receives signals; in others this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before: dict[int, Any] = {}
    try:
        for each in STOPS:
            if (handler := signal.getsignal(each)) is not None:  # not of Python code
                before[each] = handler  # first: a signal may arrive in between
                signal.signal(each, lambda number, _: arrived.append(number))
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for number in arrived:
            signal.raise_signal(number)

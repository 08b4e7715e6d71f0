"""A request to end a run by a signal, which all processes follow at the same step."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.dist import all_reduce

from mmseg_splashkd.hooks.held_signals import STOPS


class Terminated(KeyboardInterrupt):
    """A signal ended the run, such as of a batch system before its time limit.

    Args:
        name: Name of the signal, such as ``'SIGTERM'``.
        iteration: Iterations that are done; None where the runner knows.
    """

    def __init__(self, name: str, iteration: int | None = None) -> None:
        super().__init__(name)
        self.exit_code = 128 + signal.Signals[name]  # as a shell reports it
        self.iteration = iteration


class StopRequest:
    """The signal that this process has received, and the one that all follow.

    Attributes:
        received: Number of the first signal of this process; 0 without one. Others
            change nothing: a terminal and torchrun each send the same one.
        agreed: Number of a signal that all processes know of; 0 without one.
        waits: Whether a signal waits for the end of a step. It raises at once
            otherwise, as before the first step.
        asked: How often the processes have agreed on something.
    """

    received = agreed = asked = 0
    waits = False

    def receive(self, number: int, _frame: Any) -> None:
        """Handle a signal.

        Raises:
            Terminated: It is the first one, and ``waits`` is not set.
        """
        if self.received:
            return
        self.received, name = number, signal.Signals(number).name
        if not self.waits:
            raise Terminated(name)
        # Not print, which a signal must not enter twice.
        os.write(2, f"{name}: the run stops after this step\n".encode())


_request = StopRequest()


def stop_request() -> StopRequest:
    """The request of the present run."""
    return _request


@contextmanager
def stop_by_signals() -> Iterator[None]:
    """Handle SIGINT, SIGTERM, SIGHUP and SIGUSR1 inside the context.

    A signal that is ignored, as SIGHUP by ``nohup``, stays so, and so does one with a
    handler of the calling program, unless that has a true attribute ``gives_way``.
    Python sets handlers in the main thread only; in others nothing is done.
    """
    global _request
    outer, _request = _request, StopRequest()
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {each: signal.getsignal(each) for each in STOPS}
        before = {each: by for each, by in before.items() if _gives_way(by)}
    for each in before:
        signal.signal(each, _request.receive)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        _request = outer


def _gives_way(handler: Any) -> bool:
    default = handler in (signal.SIG_DFL, signal.default_int_handler)
    return default or bool(getattr(handler, "gives_way", False))


def any_process(here: bool) -> bool:
    """Whether a condition holds in any process; all must ask at once.

    A signal that any of them has received is made known to all by the same message.
    """
    flags = torch.tensor([int(here), _request.received])
    all_reduce(flags, "max")
    _request.agreed = max(_request.agreed, int(flags[1]))
    _request.asked += 1
    return bool(flags[0])

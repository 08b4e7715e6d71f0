"""Keeps signals to a run from its data-loading workers."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from mmseg_splashkd.hooks.held_signals import STOPS


class Shielded:
    """A ``worker_init_fn`` whose workers end with the process that started them.

    A terminal, Slurm or systemd sends a signal to all processes of a run. Workers that
    end by it would break the run before the checkpoint of its step.

    Args:
        inner: ``worker_init_fn`` to call; None without one.
    """

    def __init__(self, inner: Callable[[int], Any] | None) -> None:
        self.inner = inner

    def __call__(self, worker: int) -> None:
        """Shield this process, which is a new worker, and initialise it.

        Args:
            worker: Number of the worker.
        """
        _leave_signals_to(os.getppid())
        if self.inner is not None:
            self.inner(worker)


def _leave_signals_to(parent: int) -> None:
    for each in STOPS:
        if each != signal.SIGTERM:
            signal.signal(each, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # Linux
        # The parent ends a worker that hangs by SIGTERM, which must stay possible.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        threading.Thread(target=_obey, args=(parent,), daemon=True).start()


def _obey(parent: int) -> None:
    while signal.sigwaitinfo([signal.SIGTERM]).si_pid != parent:
        pass
    os._exit(0)

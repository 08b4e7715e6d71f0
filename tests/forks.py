"""Further processes of a test as forks of this one, which has imported everything."""

import gc
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.multiprocessing.spawn import ProcessContext, start_processes


def fork(work: Callable[..., Any], *args: Any, number: int = 1) -> ProcessContext:
    """Start processes.

    Args:
        work: Called in each with its number, from 0, and the arguments.
        *args: Any objects; nothing is pickled.
        number: How many.
    """
    # A fork that frees a frame of PyAV waits for threads of its parent, for ever.
    gc.collect()
    with warnings.catch_warnings():
        # Newer Pythons warn of forks beside torch's threads; the children start none.
        warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
        started = start_processes(
            _in_fork, (work, args), number, join=False, start_method="fork"
        )
    assert started is not None  # as join=False
    return started


def join(processes: ProcessContext) -> None:
    """Wait until all have ended.

    Raises:
        ProcessRaisedException: One failed.
        ProcessExitedException: One was killed.
    """
    while not processes.join():
        pass


def _in_fork(number: int, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)  # a fork lacks the threads of its parent
    warnings.simplefilter("default")  # as in a process of its own
    work(number, *args)

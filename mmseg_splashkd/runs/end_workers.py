"""Ends the data-loading workers of a run that is over.

They would live, with their memory, until the garbage collector finds them. It closes
their queues first, and then waits five seconds for each worker.
"""

from typing import Any

from torch.utils.data import DataLoader


def end_workers(*loops: Any) -> None:
    """End the workers that load data for loops, which make new ones where they go on.

    Args:
        *loops: Loops of MMEngine; others are left alone.
    """
    for loop in loops:
        loader = getattr(loop, "dataloader", None)
        if isinstance(loader, DataLoader):
            loader._iterator = None  # of persistent workers
        endless: Any = getattr(loop, "dataloader_iterator", None)
        if hasattr(endless, "_iterator"):
            endless._iterator = None

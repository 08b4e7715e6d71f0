"""Parallel map over frames with a progress bar."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rich.progress import Progress

T = TypeVar("T")
R = TypeVar("R")


def map_frames(
    function: Callable[[T], R], frames: Sequence[T], what: str, progress: bool = True
) -> list[R]:
    """Call ``function`` on every frame in threads; image decoders release the GIL.

    Args:
        function: Function of one frame, called in several threads at once.
        frames: Arguments of ``function``, one per call.
        what: Description shown beside the progress bar.
        progress: Show a progress bar; default True.

    Returns:
        The results in the order of ``frames``.
    """
    # Not rich.progress.track(): its thread outlives an error in the loop.
    with Progress(disable=not progress) as bar, ThreadPoolExecutor() as pool:
        results = pool.map(function, frames)
        return list(bar.track(results, total=len(frames), description=what))

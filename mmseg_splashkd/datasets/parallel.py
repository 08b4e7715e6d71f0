"""One function over many frames, on all cores, with a progress bar."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rich.progress import Progress

T = TypeVar("T")
R = TypeVar("R")


def map_frames(
    function: Callable[[T], R], frames: Sequence[T], what: str, progress: bool = True
) -> list[R]:
    """Call ``function`` on every frame, in threads: decoders release Python's lock.

    Args:
        function: Of one frame.
        frames: What it is called on.
        what: Text beside the bar.
        progress: Show the bar.

    Returns:
        The answers, in the order of ``frames``.
    """
    # Not rich's track(): its thread outlives an error in the loop.
    with Progress(disable=not progress) as bar, ThreadPoolExecutor() as pool:
        answers = pool.map(function, frames)
        return list(bar.track(answers, total=len(frames), description=what))

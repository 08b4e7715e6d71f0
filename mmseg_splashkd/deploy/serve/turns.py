"""One request after another: a model is never used by two at once."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any, TypeVar

from mmseg_splashkd.deploy.serve.refusal import GoneError, RefusedError

Result = TypeVar("Result")
AGAIN = 5  # seconds after which a client may ask again


class Turns:
    """A queue of bounded length before one worker.

    Args:
        waiting: Requests that may wait, from 0.

    Attributes:
        ends: Set when the server ends; work that takes long stops then.
    """

    def __init__(self, waiting: int) -> None:
        self.ends = Event()
        self._most = 1 + waiting
        self._held = 0
        self._worker = ThreadPoolExecutor(1, "model")

    @property
    def held(self) -> int:
        """Number of requests that are there, the one that is worked on included."""
        return self._held

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place in the queue; in the thread of the event loop only.

        Raises:
            RefusedError: All places are taken.
        """
        if self._held >= self._most:
            raise RefusedError(
                503,
                f"{self._held} requests are there already: ask again in {AGAIN} s",
                {"Retry-After": str(AGAIN)},
            )
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def close(self) -> None:
        """Wait until the worker has stopped; what has not begun is left."""
        self.ends.set()
        self._worker.shutdown(cancel_futures=True)

    async def run(
        self,
        work: Callable[[Callable[[], bool]], Result],
        gone: Coroutine[Any, Any, None],
    ) -> Result:
        """Work when it is this request's turn.

        Args:
            work: Called in the thread of the worker with a function that says whether
                to stop. It has ended, or was never begun, when this returns or raises.
            gone: Ends when the client is gone.

        Raises:
            GoneError: The client is gone, or the server ends.
        """
        given_up = Event()

        def stops() -> bool:
            return given_up.is_set() or self.ends.is_set()

        job = self._worker.submit(_unless(stops, work))
        future, left = asyncio.wrap_future(job), asyncio.ensure_future(gone)
        try:
            await asyncio.wait({future, left}, return_when=asyncio.FIRST_COMPLETED)
            if not future.done():
                raise GoneError
            return future.result()
        finally:
            left.cancel()
            given_up.set()
            if not job.cancel() and not future.done():  # it runs
                await asyncio.wait({future})
                future.exception()  # nobody asks for it anymore


def _unless(
    stops: Callable[[], bool], work: Callable[[Callable[[], bool]], Result]
) -> Callable[[], Result]:
    """Work that is not begun if it has to stop already."""

    def begun() -> Result:
        if stops():
            raise GoneError
        return work(stops)

    return begun

"""A worker: takes a unit, runs it, says what came of it, and takes the next."""

import math
import threading
from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any, Protocol

from mmseg_splashkd.sweep.disk import DiskFull, check_room, says_full, size_of
from mmseg_splashkd.sweep.lease import BEATS, my_lease
from mmseg_splashkd.sweep.plan import Cell
from mmseg_splashkd.sweep.process import Stopped, WorkFailed
from mmseg_splashkd.sweep.queue import SweepQueue, Taken, Why
from mmseg_splashkd.sweep.storage import optuna

IDLE = 2.0  # seconds between looks for something to do


class Runner(Protocol):
    """Runs a cell."""

    def __call__(
        self,
        cell: Cell,
        report: Callable[[str], object],
        halted: Callable[[], bool],
    ) -> dict[str, Any]:
        """Run it; see ``jobs.CellJob`` for what it returns."""
        ...


class Worker(threading.Thread):
    """Works until nothing is left, the disk is full, or it is stopped.

    Args:
        queue: Of the sweep.
        cells_of: Taken unit -> its cells.
        run: Runs a cell.
        metric: The one that is the unit's value, averaged over its cells.
        device: For people.
        stop: Set from outside.
    """

    def __init__(
        self,
        queue: SweepQueue,
        cells_of: Callable[[Taken], list[Cell]],
        run: Runner,
        metric: str,
        device: str,
        stop: threading.Event,
    ) -> None:
        super().__init__(name=f"worker on {device}")
        self.queue, self.cells_of, self.run_cell = queue, cells_of, run
        self.metric, self.device, self.stop = metric, device, stop
        self.trouble: str | None = None
        self.largest = 0

    def run(self) -> None:
        """Work."""
        try:
            while not self.stop.is_set():
                check_room(self.queue.folder, self.largest)
                taken = self.queue.take(my_lease(self.device))
                if taken is not None:
                    self._work(taken)
                elif self.queue.is_finished():
                    return
                else:
                    self.stop.wait(IDLE)
        except DiskFull as error:
            self.trouble = str(error)
        except Exception as error:
            self.trouble = _trouble(error)

    def _work(self, taken: Taken) -> None:
        with Heart(taken) as heart:
            try:
                cells = self.cells_of(taken)
                results = self._run_all(cells, heart)
                value = fmean(self._value(result) for result in results.values())
            except Stopped:
                taken.failed(Why("stopped", "stopped"))
            except WorkFailed as error:
                taken.failed(Why("error" if error.again else "input", str(error)))
            except DiskFull as error:
                taken.failed(Why("disk", str(error)))
                raise
            except Exception as error:
                taken.failed(Why("input", f"{type(error).__name__}: {error}"))
            else:
                taken.done(value, results)

    def _run_all(self, cells: list[Cell], heart: "Heart") -> dict[str, Any]:
        results = {}
        for number, cell in enumerate(cells, 1):
            of = "" if len(cells) == 1 else f"run {number} of {len(cells)} "
            results[cell.name] = self.run_cell(
                cell,
                lambda phase, of=of: heart.report(f"{of}{phase}"),
                lambda: self.stop.is_set() or heart.lost,
            )
            size = size_of(self.queue.folder / cell.name)
            self.largest = max(self.largest, size)
        return results

    def _value(self, result: Mapping[str, Any]) -> float:
        """The metric; NaN where it has none, as Dice of a class that no frame has."""
        metrics = result["val"]
        if self.metric not in metrics:
            raise ValueError(
                f"--metric {self.metric} is none of {', '.join(sorted(metrics))}"
            )
        value = metrics[self.metric]
        return math.nan if value is None else value


def _trouble(error: Exception) -> str:
    """What ended a worker, in a line; of the storage's errors, their cause."""
    cause = str(error.__cause__ or error) or repr(error)
    line = cause.splitlines()[0]
    if says_full(error):
        return f"the disk is full, make room: {line}"
    return line


class Heart:
    """Beats while a unit is worked on; sees when it was given to another."""

    def __init__(self, taken: Taken, every: float = BEATS) -> None:
        self.taken, self.every = taken, every
        self.phase, self.lost = "starting", False
        self._beat, self._end = threading.Event(), False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def report(self, phase: str) -> None:
        """Say what is being done."""
        self.phase = phase
        self._beat.set()

    def _run(self) -> None:
        while True:
            self._beat.wait(self.every)
            self._beat.clear()
            if self._end:
                return
            try:
                self.lost = not self.taken.beat(self.phase)
            except optuna.exceptions.StorageInternalError:
                continue  # busy or out of reach for a while
            if self.lost:
                return

    def __enter__(self) -> "Heart":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end = True
        self._beat.set()
        self._thread.join()

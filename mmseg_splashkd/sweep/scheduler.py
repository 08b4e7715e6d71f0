"""The driver of a sweep: submits tasks whose requirements are done to Ray."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError, TaskCancelledError

from mmseg_splashkd.sweep.cluster import Cluster
from mmseg_splashkd.sweep.disk import DiskFullError, check_space, size_of
from mmseg_splashkd.sweep.job import Job
from mmseg_splashkd.sweep.tasks import DONE, FAILED, FULL, PHASE, STARTED

WAITING, RUNNING, FINISHED = "waiting", "running", "done"  # and FAILED
DIED, LOST = "died", "lost"  # ends that Ray reports instead of the task
ATTEMPTS = 2  # of a task that fails by an error that may not occur again
GRACE = 60.0  # seconds for an interrupted run to write its record


@dataclass(frozen=True)
class Task:
    """A node of the graph.

    Args:
        name: Name, unique in the sweep.
        job: Work of the task.
        needs: Names of the tasks that must be done first.
        is_run: True for a run, False for a task that prepares runs.
    """

    name: str
    job: Job
    needs: tuple[str, ...] = ()
    is_run: bool = True


@dataclass(frozen=True)
class TaskState:
    """State of a task.

    Args:
        status: ``'waiting'``, ``'running'``, ``'done'`` or ``'failed'``.
        text: Current step, or the error of a failed task.
        where: Machine and GPU.
        since: UNIX time at which it was started.
        value: Result of a run that is done; NaN where it is undefined.
        completed: Whether this command completed it.
    """

    status: str = WAITING
    text: str = ""
    where: str = ""
    since: float = 0.0
    value: float = float("nan")
    completed: bool = False


class Scheduler:
    """Runs a graph of tasks that may grow.

    Args:
        cluster: Ray, which runs the tasks.
        folder: Folder of the sweep; its disk is checked for space before each task.

    Attributes:
        tasks: Name -> task, in the order of execution.
        states: Name -> state.
        trouble: Reason to start no further task; None without one.
    """

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder
        self.tasks: dict[str, Task] = {}
        self.states: dict[str, TaskState] = {}
        self.trouble: str | None = None
        self._streams: dict[Any, str] = {}
        self._errors: dict[str, int] = {}
        self._force: threading.Timer | None = None
        self._largest = 0

    def add(self, tasks: Sequence[Task]) -> None:
        """Add tasks; those that are added already, or complete on disk, are kept."""
        for task in tasks:
            if task.name in self.tasks:
                continue
            self.tasks[task.name] = task
            self.states[task.name] = _state_on_disk(task)

    @property
    def is_open(self) -> bool:
        """Whether a task runs or can still be started."""
        if self._streams:
            return True
        return self.trouble is None and any(self._with_status(WAITING))

    @property
    def is_stopping(self) -> bool:
        """Whether ``stop`` was called."""
        return self._force is not None

    def _with_status(self, status: str) -> Iterator[str]:
        return (name for name, state in self.states.items() if state.status == status)

    def step(self, timeout: float) -> None:
        """Submit what is ready, and process the events of a while.

        Args:
            timeout: Seconds to wait for an event.
        """
        self._submit_ready()
        if not self._streams:
            return
        waiting = list(self._streams)
        ready, _ = ray.wait(waiting, num_returns=1, timeout=timeout)
        for stream in ready:
            self._process(stream)
        if self._force is not None and not self._streams:
            self._force.cancel()

    def stop(self, reason: str) -> None:
        """Start nothing more, and interrupt the running tasks as Ctrl-C does.

        Those that run on are killed after ``GRACE`` seconds: an interrupt is lost where
        it meets the code that sends an event.
        """
        self.trouble = reason
        for stream in self._streams:
            ray.cancel(stream)
        # By another thread: to read the end of a stream is to wait for its process.
        self._force = threading.Timer(GRACE, _kill, [list(self._streams)])
        self._force.daemon = True
        self._force.start()

    def _submit_ready(self) -> None:
        room = self.cluster.capacity() - len(self._streams)
        for name in list(self._with_status(WAITING)):
            if self.trouble is not None:
                return
            task = self.tasks[name]
            needed = [(need, self.states[need]) for need in task.needs]
            if failed := [n for n, state in needed if state.status == FAILED]:
                self._set(name, status=FAILED, text=f"it needs {failed[0]}")
            elif room > 0 and all(state.status == FINISHED for _, state in needed):
                room -= self._start(task)

    def _start(self, task: Task) -> bool:
        try:
            check_space(self.folder, self._largest)
        except DiskFullError as error:
            self.trouble = f"{error.filename}: {error.strerror}"
            return False
        self._streams[self.cluster.submit(task.job)] = task.name
        self._set(task.name, status=RUNNING, text="starts", since=time.time())
        return True

    def _process(self, stream: Any) -> None:
        name = self._streams[stream]
        try:
            kind, content = ray.get(next(stream))
        except StopIteration:  # the end of an earlier attempt was lost with its process
            kind, content = LOST, ""
        except TaskCancelledError:
            kind, content = LOST, "stopped"
        except RayError as error:
            lines = str(error).strip().splitlines() or [repr(error)]
            log = self.tasks[name].job.log
            # A task error is one of starting the task, such as a failed import.
            kind = FAILED if isinstance(error, RayTaskError) else DIED
            content = f"{type(error).__name__}: {lines[-1]} (see {log})"
            if self.is_stopping and kind == DIED:
                kind, content = LOST, "stopped"
        if kind == STARTED:
            self._set(name, where=content)
        elif kind == PHASE:
            self._set(name, text=content)
        else:
            del self._streams[stream]
            self._end(name, kind, content)

    def _end(self, name: str, kind: str, content: Any) -> None:
        if kind == DONE:
            self._set(name, status=FINISHED, value=content, completed=True)
            if self.tasks[name].is_run:
                size = size_of(self.tasks[name].job.log.parent)
                self._largest = max(self._largest, size)
        elif kind == LOST:
            self._set(name, status=WAITING, text=content)
        elif kind == FULL:
            self.trouble = content
            self._set(name, status=WAITING, text=content)
        else:
            self._errors[name] = self._errors.get(name, 0) + 1
            again = kind == FAILED and self._errors[name] < ATTEMPTS
            self._set(name, status=WAITING if again else FAILED, text=content)

    def _set(self, name: str, **changes: Any) -> None:
        self.states[name] = replace(self.states[name], **changes)


def _kill(streams: Sequence[Any]) -> None:
    for stream in streams:
        with suppress(RayError):  # it has ended
            ray.cancel(stream, force=True)


def _state_on_disk(task: Task) -> TaskState:
    try:
        value = task.job.result()
    except ValueError as error:
        return TaskState(FAILED, str(error))
    return TaskState() if value is None else TaskState(FINISHED, value=value)

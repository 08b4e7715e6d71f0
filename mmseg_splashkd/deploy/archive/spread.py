"""Spreads the sources of an archive over processes and machines, by Ray."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from mmseg_splashkd.deploy.archive.finished import read_finished
from mmseg_splashkd.deploy.archive.job import job_of
from mmseg_splashkd.deploy.archive.listing import Listed
from mmseg_splashkd.deploy.archive.progress import Pace, told
from mmseg_splashkd.deploy.archive.table import LEFT, Line, write_archive
from mmseg_splashkd.sweep.cluster import Cluster, Resources
from mmseg_splashkd.sweep.execute import execute
from mmseg_splashkd.sweep.scheduler import (
    FAILED,
    FINISHED,
    RUNNING,
    Scheduler,
    Task,
    TaskState,
)

PAUSE = 1.0  # seconds between two writes of the table


def watch_spread(
    listed: Sequence[Listed], out: Path, jobs: int, address: str | None
) -> list[Line]:
    """Watch sources in processes; for the arguments see ``watch_archive``.

    Returns:
        What came of each source.

    Raises:
        KeyboardInterrupt: A signal ended it, after all files were completed.
        UnwritableError: Drive, quota or rights do not allow it.
    """
    scheduler = Scheduler(Cluster(Resources(address, jobs, 0)), out)
    scheduler.add([Task(each.name, job_of(each)) for each in listed])
    shown, received = _Shown(scheduler, listed, out), None
    with shown.progress:
        try:
            if scheduler.is_open:
                received = execute(scheduler, shown.step)
        finally:
            shown.step(is_last=True)
    if scheduler.trouble is not None:
        print(f"stopped early: {scheduler.trouble}")
    if received is not None:
        # Imported here, because it needs the host, which takes seconds to import.
        from mmseg_splashkd.hooks.stop_request import Terminated

        raise Terminated(received.name)
    return shown.lines


class _Shown:
    """The states of the tasks: as lines, as a display, and in the table."""

    def __init__(
        self, scheduler: Scheduler, listed: Sequence[Listed], out: Path
    ) -> None:
        self.progress = Progress(console=Console(stderr=True))
        self.lines = [Line(each) for each in listed]
        self._scheduler, self._out = scheduler, out
        self._pace, self._written = Pace(listed), 0.0
        self._task = self.progress.add_task("Watching", total=len(listed))

    def step(self, is_last: bool = False) -> None:
        """Show what is new."""
        states = self._scheduler.states
        for place, line in self._news(states):
            self.lines[place] = line
            done = sum(each.status != LEFT for each in self.lines)
            self._print(told(line, done, len(self.lines)))
        done = sum(each.status != LEFT for each in self.lines)
        running = sum(state.status == RUNNING for state in states.values())
        text = f"{done} done, {running} running, {self._pace.rate():,.0f} frames/s"
        self.progress.update(self._task, completed=done, description=text)
        if is_last or time.monotonic() - self._written >= PAUSE:
            write_archive(self._out, self.lines)
            self._written = time.monotonic()

    def _news(self, states: dict[str, TaskState]) -> Iterator[tuple[int, Line]]:
        for place, line in enumerate(self.lines):
            state = states[line.listed.name]
            if line.status != LEFT:
                continue
            if state.status == FINISHED:
                yield place, Line(line.listed, read_finished(line.listed))
            elif state.status == FAILED:
                yield place, Line(line.listed, None, state.text)

    def _print(self, text: str) -> None:
        self.progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

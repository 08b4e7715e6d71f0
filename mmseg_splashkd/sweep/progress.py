"""Progress display: a live table on a terminal, one line per event otherwise."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mmseg_splashkd.sweep.scheduler import (
    FAILED,
    FINISHED,
    RUNNING,
    WAITING,
    Scheduler,
    TaskState,
)

STYLES = {FINISHED: "green", RUNNING: "yellow", WAITING: "dim", FAILED: "bold red"}
Row = tuple[str, Sequence[str]]  # a variant or a point, and the names of its runs


class Progress:
    """Displays the states of a sweep's tasks.

    Args:
        scheduler: Scheduler of the sweep.
        rows: Returns the rows of the table, whose number grows in a search; the runs of
            a row are ordered by seed, then by fold.
        metric: Name of the displayed metric.
        folder: Folder of the sweep.
        total: Number of runs of the sweep.
        console: Console for the output; by default standard output.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        rows: Callable[[], Iterable[Row]],
        metric: str,
        folder: Path,
        total: int,
        console: Console | None = None,
    ) -> None:
        self.scheduler, self.rows = scheduler, rows
        self.metric, self.folder, self.total = metric, folder, total
        self.console = console or Console(soft_wrap=True)
        self.began = time.time()
        self._live = Live(self, console=self.console, auto_refresh=False)
        self._printed: dict[str, str] = {}

    def __enter__(self) -> "Progress":
        done = {n for n, s in self.scheduler.states.items() if s.status == FINISHED}
        self._printed = {name: self._words(name) for name in done}
        self.print(self._summary())
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.update()
        self._live.stop()

    def print(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, highlight=False, markup=False)

    def update(self) -> None:
        """Show the current states."""
        if self.console.is_terminal:
            self._live.refresh()
            return
        for name, state in self.scheduler.states.items():
            words = self._words(name)
            is_news = state.status != WAITING or state.text
            if is_news and self._printed.get(name) != words:
                self._printed[name] = words
                done = f"[{self._counts()[FINISHED]}/{self.total}]"
                self.print(f"{time.strftime('%H:%M:%S')} {done} {name}: {words}")

    def _words(self, name: str) -> str:
        state = self.scheduler.states[name]
        if state.status == FINISHED:
            value = "" if math.isnan(state.value) else f"{state.value:.2f}"
            return f"done, {self.metric} {value}" if value else "done"
        if state.status == RUNNING:
            return f"{state.text} on {state.where}" if state.where else state.text
        return f"{state.status}: {state.text}"

    def __rich__(self) -> Group:
        """Summary, running and failed tasks, then the table, which may be cropped."""
        now = time.time()
        lines = [Text(self._summary())]
        if self.scheduler.is_stopping:
            lines.append(Text("Interrupting the runs. Ctrl-C again kills them."))
        for name, state in self._with_status(RUNNING):
            elapsed = _duration(now - state.since)
            lines.append(Text(f"{name}: {self._words(name)}, {elapsed}"))
        for name, state in self._with_status(FAILED):
            lines.append(Text(f"{name}: {state.text}", STYLES[FAILED]))
        return Group(*lines, self._table())

    def _with_status(self, status: str) -> Iterator[tuple[str, TaskState]]:
        states = self.scheduler.states.items()
        return (item for item in states if item[1].status == status)

    def _table(self) -> Table:
        table = Table("", f"{self.metric} of each run", box=None, pad_edge=False)
        for title, runs in self.rows():
            cells = (_short(self.scheduler.states[name]) for name in runs)
            table.add_row(Text(title), Text("  ").join(cells))
        return table

    def _counts(self) -> Counter[str]:
        tasks, states = self.scheduler.tasks, self.scheduler.states
        return Counter(states[name].status for name in tasks if tasks[name].is_run)

    def _summary(self) -> str:
        counts = self._counts()
        parts = [f"{counts[FINISHED]} of {self.total} done"]
        parts += [f"{counts[s]} {s}" for s in (RUNNING, FAILED) if counts[s]]
        completed = sum(state.completed for state in self.scheduler.states.values())
        left = self.total - counts[FINISHED] - counts[FAILED]
        if completed and left:
            seconds = (time.time() - self.began) / completed * left
            parts.append(f"about {_duration(seconds)} left")
        return f"{', '.join(parts)} ({self.folder})"

    def conclude(self) -> int:
        """Print how the sweep ended.

        Returns:
            Exit code: 0, or 1 if a run failed or is left.
        """
        for name, state in self._with_status(FAILED):
            self.print(f"{name} failed: {state.text}")
        if self.scheduler.trouble is not None:
            self.print(f"stopped early: {self.scheduler.trouble}")
        self.print(self._summary())
        counts = self._counts()
        if counts[FINISHED] + counts[FAILED] < self.total:
            self.print("The same command continues with what is left.")
        elif counts[FAILED]:
            self.print("The same command tries again what failed.")
        return 0 if counts[FINISHED] == self.total else 1


def _short(state: TaskState) -> Text:
    words = {FINISHED: f"{state.value:.2f}", WAITING: "."}
    return Text(words.get(state.status, state.status), STYLES[state.status])


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"

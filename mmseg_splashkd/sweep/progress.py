"""Progress display: a live table on a terminal, one line per event otherwise."""

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
from mmseg_splashkd.sweep.search import Point
from mmseg_splashkd.sweep.variants import PlannedRun

STYLES = {FINISHED: "green", RUNNING: "yellow", WAITING: "dim", FAILED: "bold red"}
NAMED = 3  # failures below the table
MARGIN = 12  # lines of a terminal that are not for rows of the table


class Progress:
    """Displays the states of a sweep's tasks.

    Args:
        scheduler: Scheduler of the sweep.
        rows: Runs of each variant of a grid; empty for a search.
        points: Points of a search, which grow.
        metric: Name of the value that is shown.
        folder: Folder of the sweep.
        total: Number of runs in all.
        console: Where to print.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        rows: Sequence[Sequence[PlannedRun]],
        points: Sequence[Point],
        metric: str,
        folder: Path,
        total: int,
        console: Console | None = None,
    ) -> None:
        self.scheduler, self.rows, self.points = scheduler, rows, points
        self.metric, self.folder, self.total = metric, folder, total
        self.console = console or Console(soft_wrap=True)
        self.began = time.time()
        self._live: Live | None = None
        self._printed: dict[str, str] = {}

    def __enter__(self) -> "Progress":
        self._printed = {
            name: self._words(state)
            for name, state in self.scheduler.states.items()
            if state.status == FINISHED
        }
        self.print(self._summary())
        if self.console.is_terminal:
            self._live = Live(console=self.console, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.update()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def print(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, highlight=False, markup=False)

    def update(self) -> None:
        """Show the current states."""
        if self._live is None:
            self._print_events()
            return
        states = self.scheduler.states
        parts: list[Any] = [self._table(), *map(_running_line, _running(states))]
        parts += [
            Text(f"{name}: {state.text}", STYLES[FAILED])
            for name, state in _failed(states)[:NAMED]
        ]
        parts.append(Text(self._summary()))
        if self.scheduler.is_stopping:
            parts.append(Text("Interrupting the runs. Ctrl-C again: kill them."))
        self._live.update(Group(*parts), refresh=True)

    def _print_events(self) -> None:
        for name, state in self.scheduler.states.items():
            words = self._words(state)
            is_news = state.status != WAITING or state.text
            if is_news and self._printed.get(name) != words:
                self._printed[name] = words
                done = self._runs()[FINISHED]
                clock = time.strftime("%H:%M:%S")
                self.print(f"{clock} [{done}/{self.total}] {name}: {words}")

    def _words(self, state: TaskState) -> str:
        if state.status == FINISHED:
            shown = (
                "" if math.isnan(state.value) else f", {self.metric} {state.value:.2f}"
            )
            return f"done{shown}"
        if state.status == RUNNING:
            return f"{state.text} on {state.where}" if state.where else state.text
        return f"{state.status}: {state.text}"

    def _runs(self) -> Counter[str]:
        tasks, states = self.scheduler.tasks, self.scheduler.states
        return Counter(states[name].status for name in tasks if tasks[name].is_run)

    def _table(self) -> Table:
        if not self.rows:
            return self._points_table()
        table = Table(box=None, pad_edge=False)
        table.add_column("run")
        for run in self.rows[0]:
            fold = "" if run.fold is None else f"fold {run.fold}\n"
            table.add_column(f"{fold}seed {run.seed}", justify="right")
        room = max(self.console.size.height - MARGIN, 3)
        # The rows at work first; the others follow in their order.
        shown = sorted(self.rows, key=self._is_idle)[:room]
        for row in sorted(shown, key=self.rows.index):
            cells = [_short(self.scheduler.states[run.name]) for run in row]
            table.add_row(row[0].variant.name, *cells)
        if len(shown) < len(self.rows):
            table.add_row(f"and {len(self.rows) - len(shown)} more", style="dim")
        return table

    def _is_idle(self, row: Sequence[PlannedRun]) -> bool:
        return all(self.scheduler.states[r.name].status != RUNNING for r in row)

    def _points_table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        keys = list(self.points[0].params) if self.points else []
        for title in ("point", *(key.rpartition(".")[2] for key in keys)):
            table.add_column(title)
        table.add_column(self.metric, justify="right")
        for point in self.points:
            values = [_value(point.params[key]) for key in keys]
            states = [_short(self.scheduler.states[name]) for name in point.runs]
            table.add_row(point.name, *values, Text(" ").join(states))
        return table

    def _summary(self) -> str:
        counts = self._runs()
        parts = [f"{counts[FINISHED]} of {self.total} done"]
        parts += [f"{counts[s]} {s}" for s in (RUNNING, FAILED) if counts[s]]
        here = sum(state.here for state in self.scheduler.states.values())
        left = self.total - counts[FINISHED] - counts[FAILED]
        if here and left:
            seconds = (time.time() - self.began) / here * left
            parts.append(f"about {_duration(seconds)} left")
        return f"{', '.join(parts)} ({self.folder})"

    def conclude(self) -> int:
        """Print how the sweep ended.

        Returns:
            Exit code: 0, or 1 if a run failed or is left.
        """
        counts, states = self._runs(), self.scheduler.states
        for name, state in _failed(states):
            self.print(f"{name} failed: {state.text}")
        if self.scheduler.trouble is not None:
            self.print(f"stopped early: {self.scheduler.trouble}")
        self.print(self._summary())
        if counts[FINISHED] + counts[FAILED] < self.total:
            self.print("The same command continues with what is left.")
        elif counts[FAILED]:
            self.print("The same command tries again what failed.")
        return 0 if counts[FINISHED] == self.total else 1


def _running(states: Mapping[str, TaskState]) -> list[tuple[str, TaskState]]:
    return [item for item in states.items() if item[1].status == RUNNING]


def _failed(states: Mapping[str, TaskState]) -> list[tuple[str, TaskState]]:
    return [item for item in states.items() if item[1].status == FAILED]


def _running_line(item: tuple[str, TaskState]) -> Text:
    name, state = item
    return Text(f"{state.where or '...'} {state.text}: {name}")


def _short(state: TaskState) -> Text:
    if state.status == FINISHED:
        text = f"{state.value:.2f}"
    elif state.status == RUNNING:
        text = _duration(time.time() - state.since)
    else:
        text = {WAITING: ".", FAILED: "failed"}[state.status]
    return Text(text, STYLES[state.status])


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

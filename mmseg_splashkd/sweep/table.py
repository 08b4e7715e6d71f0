"""What stands where: a live table on a terminal, a line an event elsewhere."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mmseg_splashkd.sweep.plan import Cell
from mmseg_splashkd.sweep.queue import (
    DONE,
    FAILED,
    RUNNING,
    WAITING,
    SweepQueue,
    UnitState,
)
from mmseg_splashkd.sweep.spec import SweepSpec

STYLES = {DONE: "green", RUNNING: "yellow", WAITING: "dim", FAILED: "bold red"}
NAMED = 3  # failures beneath the table
MARGIN = 12  # lines of a terminal that are not for cells


class SweepTable:
    """Tells people how far a sweep is.

    Args:
        queue: Of the sweep.
        rows: The cells of each arm; none for a search.
        spec: Of the sweep.
        folder: Of the sweep.
        console: Where to.
    """

    EVERY = 2.0  # seconds between looks

    def __init__(
        self,
        queue: SweepQueue,
        rows: Sequence[Sequence[Cell]],
        spec: SweepSpec,
        folder: Path,
        console: Console | None = None,
    ) -> None:
        self.queue, self.rows, self.spec, self.folder = queue, rows, spec, folder
        self.console = console or Console(soft_wrap=True)
        self.began = time.time()
        self.live: Live | None = None
        self.told: dict[str, str] = {}

    def __enter__(self) -> "SweepTable":
        states = self.queue.states()
        for name, found in states.items():
            if found.state == DONE:
                self.told[name] = _words(found, str(self.spec.metric))
        self.say(self._summary(states))
        if self.console.is_terminal:
            self.live = Live(console=self.console, auto_refresh=False)
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.update(False)
            self.live.stop()

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, highlight=False, markup=False)

    def update(self, stopping: bool) -> None:
        """Look, and show."""
        states = self.queue.states()
        if self.live is None:
            self._tell(states)
            return
        parts: list[Any] = [self._cells(states), *_running(states), *_failed(states)]
        parts.append(Text(self._summary(states)))
        if stopping:
            parts.append(Text("Stopping: runs are ended in order. Ctrl-C: at once."))
        self.live.update(Group(*parts), refresh=True)

    def _tell(self, states: Mapping[str, UnitState]) -> None:
        for name, found in states.items():
            words = _words(found, str(self.spec.metric))
            if found.state != WAITING and self.told.get(name) != words:
                self.told[name] = words
                done = sum(s.state == DONE for s in states.values())
                clock = time.strftime("%H:%M:%S")
                self.say(f"{clock} [{done}/{len(states)}] {name}: {words}")

    def _cells(self, states: Mapping[str, UnitState]) -> Table:
        if not self.rows:
            return _points(states, self.spec)
        table = Table(box=None, pad_edge=False)
        table.add_column("run")
        for cell in self.rows[0]:
            table.add_column(_column(cell), justify="right")
        shown = self._fitting(states)
        for row in shown:
            cells = [_short(states[cell.name]) for cell in row]
            table.add_row(row[0].arm.name, *cells)
        if len(shown) < len(self.rows):
            table.add_row(f"and {len(self.rows) - len(shown)} more", style="dim")
        return table

    def _fitting(self, states: Mapping[str, UnitState]) -> list[Sequence[Cell]]:
        """As many rows as the terminal has lines, those being worked on first."""
        room = max(self.console.size.height - MARGIN, 3)
        if len(self.rows) <= room:
            return list(self.rows)

        def rank(row: Sequence[Cell]) -> int:
            found = {states[cell.name].state for cell in row}
            return (
                0 if RUNNING in found else 1 if found > {DONE} or FAILED in found else 2
            )

        chosen = sorted(range(len(self.rows)), key=lambda i: (rank(self.rows[i]), i))
        return [self.rows[i] for i in sorted(chosen[:room])]

    def _summary(self, states: Mapping[str, UnitState]) -> str:
        counts = Counter(found.state for found in states.values())
        parts = [f"{counts[DONE]} of {len(states)} done"]
        parts += [f"{counts[w]} {w}" for w in (RUNNING, WAITING, FAILED) if counts[w]]
        if left := _left(states, self.began):
            parts.append(f"about {left} left")
        return f"{', '.join(parts)} ({self.folder})"

    def conclude(self, troubles: Sequence[str]) -> int:
        """Say how it ended; the exit code."""
        states = self.queue.states()
        if self.live is None:
            self._tell(states)
        failed = {n: found for n, found in states.items() if found.state == FAILED}
        for name, found in failed.items():
            self.say(f"{name} failed: {found.why}")
        for trouble in dict.fromkeys(troubles):
            self.say(f"a worker ended: {trouble}")
        self.say(self._summary(states))
        left = any(found.state in (WAITING, RUNNING) for found in states.values())
        if left:
            self.say("The same command goes on with what is left.")
        elif failed:
            self.say("The same command tries again what failed.")
        return 1 if left or failed or troubles else 0


def _column(cell: Cell) -> str:
    fold = "" if cell.fold is None else f"fold {cell.fold}\n"
    return f"{fold}seed {cell.seed}"


def _short(found: UnitState) -> Text:
    if found.state == DONE:
        text = f"{found.value:.2f}"
    elif found.state == RUNNING:
        text = _minutes(time.time() - found.lease.get("since", time.time()))
    else:
        text = {WAITING: ".", FAILED: "failed"}[found.state]
    return Text(text, STYLES[found.state])


def _words(found: UnitState, metric: str) -> str:
    if found.state == DONE:
        return f"done, {metric} {found.value:.2f}"
    if found.state == RUNNING:
        lease = found.lease
        return f"{lease.get('phase', 'starting')} on {lease.get('host', '?')}"
    return f"{found.state}: {found.why}"


def _running(states: Mapping[str, UnitState]) -> list[Text]:
    rows = []
    for name, found in states.items():
        if found.state == RUNNING:
            lease = found.lease
            where = f"{lease.get('host', '?')} ({lease.get('device', '?')})"
            rows.append(Text(f"{where} {lease.get('phase', 'starting')}: {name}"))
    return rows


def _failed(states: Mapping[str, UnitState]) -> list[Text]:
    failed = [item for item in states.items() if item[1].state == FAILED]
    return [
        Text(f"{name}: {found.why}", STYLES[FAILED]) for name, found in failed[:NAMED]
    ]


def _points(states: Mapping[str, UnitState], spec: SweepSpec) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("point", *(key.rpartition(".")[2] for key in spec.space)):
        table.add_column(title)
    table.add_column(str(spec.metric), justify="right")
    for name, found in states.items():
        params = found.trial.params if found.trial else {}
        if params or found.state != WAITING:
            values = [_value(params.get(key, "")) for key in spec.space]
            table.add_row(name, *values, _short(found))
    return table


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _left(states: Mapping[str, UnitState], began: float) -> str:
    """How long what is left will take, at the pace since this command began."""
    finished = [
        found.trial.datetime_complete.timestamp()
        for found in states.values()
        if found.state == DONE and found.trial and found.trial.datetime_complete
    ]
    here = sum(moment > began for moment in finished)
    left = sum(found.state in (WAITING, RUNNING) for found in states.values())
    if not here or not left:
        return ""
    return _minutes((time.time() - began) / here * left)


def _minutes(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

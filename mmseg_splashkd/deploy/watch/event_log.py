"""The events of a table of rows, beside it."""

import json
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np

from mmseg_splashkd.deploy.watch.peaks import Peaks
from mmseg_splashkd.deploy.watch.rows import Row
from mmseg_splashkd.evaluation.events import (
    Event,
    EventFinder,
    EventSettings,
    RecordedEvent,
    write_events,
)
from mmseg_splashkd.files import write_whole

FILE, SETTINGS = "events.csv", "events.json"
PAUSE = 1.0  # seconds between two writes while events are found


class EventLog:
    """Finds the events of rows, and writes their table.

    Events are found anew from all rows of the table in each call, so that settings may
    change between calls. The table is written when an event has become final, at most
    once a second, and at the end, when it also has the event that still goes on, as
    ``ends_open``.

    Pictures of the largest ones lie beside it, see ``Peaks``.

    Args:
        folder: Folder of ``events.csv``, and of the settings in ``events.json``.
        recording: Name of the recording in the table.
        settings: Thresholds and times; default those of ``EventSettings``.
        clock: Seconds; default those of this machine.
    """

    def __init__(
        self,
        folder: Path,
        recording: str,
        settings: EventSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._recording = folder, recording
        self._finder = EventFinder(settings)
        self._clock, self._written = clock, clock()
        self._peaks = Peaks(folder)
        self._is_watching = False  # a call that predicts nothing keeps all pictures
        self._has_drawn = False  # since the last event was final
        self.found: list[Event] = []

    @property
    def recording(self) -> str:
        """Name of the recording."""
        return self._recording

    @property
    def settings(self) -> EventSettings:
        """Thresholds and times."""
        return self._finder.settings

    def before_row(self, row: Row, draw: Callable[[], np.ndarray]) -> None:
        """Take a new row before it is written, to keep the peak of its event.

        Args:
            row: The row, which ``on_row`` takes next.
            draw: Returns the (H, W, 3) uint8 RGB picture of its frame.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
        """
        self._is_watching = True
        if row.share >= self.settings.on and self._would_be_peak(row):
            self._peaks.add(row.time_ns, draw())
            self._has_drawn = True

    def _would_be_peak(self, row: Row) -> bool:
        """Whether a row would be the peak so far of the event that goes on."""
        ahead = deepcopy(self._finder)
        ahead.add(row.time_ns, row.share)
        return _pending_peak(ahead) == row.time_ns

    def on_row(self, row: Row) -> None:
        """Take a row, in the order of time.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
        """
        final = self._finder.add(row.time_ns, row.share)
        self.found += final
        self._peaks.on_final(final)
        if final or self._has_drawn:
            self._tidy()
        if final and self._clock() - self._written >= PAUSE:
            self._write()

    def end(self) -> list[str]:
        """Write table and settings; further rows may follow in another call.

        Returns:
            Lines about the events.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
        """
        self._tidy()
        self.found += self._finder.close()
        self._write()
        settings = json.dumps(self._finder.settings.as_json(), indent=1) + "\n"
        write_whole(self._folder / SETTINGS, settings)
        return [*self._told(), f"Events: {self._folder / FILE}"]

    def _tidy(self) -> None:
        self._has_drawn = False
        if self._is_watching:
            self._peaks.tidy(_pending_peak(self._finder))

    def _write(self) -> None:
        rows = (RecordedEvent(self._recording, event) for event in self.found)
        write_events(self._folder / FILE, rows)
        self._written = self._clock()

    def _told(self) -> list[str]:
        if not self.found:
            return ["no event"]
        seconds = sum(event.duration_s for event in self.found)
        largest = max(self.found, key=lambda event: event.area_share_s)
        kind = "event" if len(self.found) == 1 else "events"
        return [
            f"{len(self.found):,} {kind}, {seconds:,.1f} s in total; the largest of "
            f"{largest.duration_s:,.1f} s, at most {largest.peak_share:.2%} of a frame"
        ]


def _pending_peak(finder: EventFinder) -> int | None:
    """Time of the peak of an event that is not final; None without one."""
    kept = finder.state()["kept"]
    return None if kept is None else int(kept["peak_ns"])

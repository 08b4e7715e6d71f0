"""A picture of a table: the share of the class over time, in a bounded size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmseg_splashkd.datasets.timestamps import to_utc
from mmseg_splashkd.deploy.watch.rows import Row, read_rows
from mmseg_splashkd.evaluation.events import Event
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.figures import COLORS, NEUTRAL, grid, svg_figure, time_labels

FILE = "timeline.svg"
COLUMNS = 1000  # of pixels
TICKS = 6
GAP = 5  # mean distances of rows from which nothing is drawn between two


@dataclass
class Columns:
    """The least and the largest share in each of some spans of time.

    A burst of a single frame stays visible, however long the video is.

    Args:
        first: Time of the first row in nanoseconds.
        last: Time of the last row.
        count: Number of columns.
    """

    first: int
    last: int
    count: int = COLUMNS
    low: np.ndarray = field(init=False)
    high: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.low = np.full(self.count, math.inf)
        self.high = np.full(self.count, -math.inf)

    def add(self, row: Row) -> None:
        """Take a row."""
        span = self.last - self.first + 1
        column = (row.time_ns - self.first) * self.count // span
        self.low[column] = min(self.low[column], row.share)
        self.high[column] = max(self.high[column], row.share)

    def shading(self, events: Sequence[Event]) -> tuple[np.ndarray, np.ndarray]:
        """Columns that an event touches.

        Args:
            events: Events within the span of the columns.

        Returns:
            Positions (count + 1,), and 1.0 from there to the next one, or 0.0.
        """
        span, held = self.last - self.first + 1, np.zeros(self.count + 1)
        for event in events:
            first, last = (
                (time - self.first) * self.count // span
                for time in (event.start_ns, event.end_ns)
            )
            held[first : last + 1] = 1
        return np.arange(self.count + 1.0), held

    def line(self, gap: float) -> tuple[np.ndarray, np.ndarray]:
        """One line through all columns that have rows, interrupted at gaps.

        Args:
            gap: Number of columns without rows that is a gap.

        Returns:
            Positions in [0, count) and shares, NaN at gaps; at most three points for a
            column.
        """
        x, y, last = [], [], None
        for column in np.flatnonzero(self.high >= 0):
            if last is not None and column - last > gap:
                x.append(column)
                y.append(math.nan)
            x += [column + 0.3, column + 0.7]
            y += [self.low[column], self.high[column]]
            last = column
        return np.asarray(x), np.asarray(y)


def draw_timeline(
    table: Path, out: Path, class_name: str, events: Sequence[Event] = ()
) -> Path | None:
    """Draw a table into an SVG file, in constant memory.

    Args:
        table: ``rows.csv``, which is read twice.
        out: The picture.
        class_name: Name of the class.
        events: Events, which are shaded.

    Returns:
        ``out``; None of a table without rows.

    Raises:
        UnwritableError: Drive, quota or rights do not allow it.
        ValueError: The table is damaged.
    """
    first, last, count = None, 0, 0
    for row in read_rows(table):
        first, last, count = (
            row.time_ns if first is None else first,
            row.time_ns,
            count + 1,
        )
    if first is None:
        return None
    columns = Columns(first, last)
    for row in read_rows(table):
        if row.time_ns <= last:  # others were appended since
            columns.add(row)
    write_whole(out, _picture(columns, count, class_name, events) + "\n")
    return out


def _picture(
    columns: Columns, count: int, class_name: str, events: Sequence[Event]
) -> str:
    with svg_figure((11, 3), "timeline") as drawn:
        axes = drawn.axes
        x, y = columns.line(max(2.0, GAP * columns.count / count))
        axes.fill_between(
            *columns.shading(events),
            step="post",
            transform=axes.get_xaxis_transform(),
            color=NEUTRAL,
            alpha=0.3,
            linewidth=0,
        )
        # Dots, too: a line through a single column would not be seen.
        axes.plot(x, 100 * y, color=COLORS[0], linewidth=1, marker=".", markersize=1)
        axes.set_xlim(0, columns.count)
        axes.set_ylim(bottom=0)
        axes.set_ylabel(f"{class_name}, % of a frame")
        axes.set_xlabel("time, UTC")
        ticks = np.linspace(0, columns.count, TICKS)
        span = columns.last - columns.first
        moments = [
            to_utc(columns.first + round(span * tick / columns.count)) for tick in ticks
        ]
        axes.set_xticks(ticks, time_labels(moments))
        grid(axes)
    return str(drawn.svg)

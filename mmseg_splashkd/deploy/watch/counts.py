"""What became of the frames of a source."""

from collections import Counter
from dataclasses import dataclass, field

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy.watch.rows import Row
from mmseg_splashkd.evaluation.events.table import format_utc


@dataclass
class Counts:
    """What became of the frames.

    Attributes:
        read: Frames and problems that came from the source.
        taken: Rows written now.
        there: Rows of earlier calls.
        left_out: Frames outside of the span of time, or not the first of an interval.
        dropped: Reason -> number of problems.
        held: Rows in which the class has a pixel.
        shares: Sum of the shares of all rows.
        largest: The first row of the largest share.
        faded: Frames of rows of earlier calls that should be smoothed with new ones,
            and are gone or unreadable now.
        first: Time of the first row in nanoseconds.
        last: Time of the last row.
    """

    read: int = 0
    taken: int = 0
    there: int = 0
    left_out: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    held: int = 0
    shares: float = 0.0
    largest: Row | None = None
    faded: int = 0
    first: int | None = None
    last: int | None = None

    @property
    def rows(self) -> int:
        """Number of rows of the table."""
        return self.taken + self.there

    def on_row(self, row: Row) -> None:
        """Take a row, in the order of time."""
        self.first = row.time_ns if self.first is None else self.first
        self.last = row.time_ns
        self.held += row.area > 0
        self.shares += row.share
        if self.largest is None or row.share > self.largest.share:
            self.largest = row

    def progress(self) -> str:
        """A short line while frames are read."""
        dropped = self.dropped.total()
        return f"{self.rows:,} rows" + (f", {dropped:,} dropped" if dropped else "")

    def told(self, class_name: str) -> list[str]:
        """Lines at the end.

        Args:
            class_name: Name of the class that is watched.
        """
        counts = [f"{self.taken:,} rows new"]
        counts += [f"{self.there:,} rows there already"] if self.there else []
        counts += [f"{self.left_out:,} left out by choice"] if self.left_out else []
        counts += [f"{n:,} {reason}" for reason, n in sorted(self.dropped.items())]
        lines = [f"{self.read:,} read: {', '.join(counts)}"]
        if self.faded:
            lines.append(
                f"Smoothing began anew: {self.faded:,} frames of earlier calls, which "
                f"would weigh in it, are gone or unreadable"
            )
        if self.first is None or self.last is None or self.largest is None:
            return lines
        seconds = (self.last - self.first) / SECOND
        span = f"{format_utc(self.first)} to {format_utc(self.last)} ({seconds:,.3f} s)"
        share = self.shares / self.rows
        return [
            *lines,
            f"{self.rows:,} rows from {span}",
            f"{class_name}: in {self.held:,} of {self.rows:,} rows, {share:.3%} of a "
            f"frame on average, at most {self.largest.share:.2%} at "
            f"{self.largest.time}",
        ]

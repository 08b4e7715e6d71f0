"""Goes through a source: old rows are taken over, and new ones predicted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.predict.prediction import Prediction
from mmseg_splashkd.deploy.watch.clock import in_order
from mmseg_splashkd.deploy.watch.counts import Counts
from mmseg_splashkd.deploy.watch.measure import measure
from mmseg_splashkd.deploy.watch.rows import Row
from mmseg_splashkd.deploy.watch.selection import Selection
from mmseg_splashkd.deploy.watch.smoother import Smoother
from mmseg_splashkd.deploy.watch.source import (
    DAMAGED,
    LATE,
    Moment,
    Problem,
    Source,
)
from mmseg_splashkd.deploy.watch.table import RowTable
from mmseg_splashkd.foreign import one_line
from mmseg_splashkd.hooks.held_signals import held_signals


@dataclass(frozen=True)
class Watcher:
    """Makes the rows of a source.

    Attributes:
        model: The model.
        class_id: trainId of the class that is watched.
        selection: Which frames are taken.
        before_row: Takes each new row, its prediction and the (H, W) numbers of its
            blobs, before it is in the table: what it writes is there after a kill if
            the row is.
        on_row: Takes every row in the order of time, those of earlier calls as they
            were written, and each new one after it is in the table.
        on_prediction: Takes time and prediction of each new row.
        on_problem: Takes what is dropped.
        on_item: Called after each frame or problem.
        smoother: Smooths the predictions in time; None: they stay as they are.
    """

    model: SplashModel
    class_id: int
    selection: Selection
    before_row: Callable[[Row, Prediction, np.ndarray], None]
    on_row: Callable[[Row], None]
    on_prediction: Callable[[int, Prediction], None]
    on_problem: Callable[[Problem], None]
    on_item: Callable[[], None]
    smoother: Smoother | None = None

    def run(
        self, source: Source, before: Iterator[Row], table: RowTable, counts: Counts
    ) -> None:
        """Go through a source to its end, or to the end of the span of time.

        The source is read from its beginning also when an earlier call is gone on with,
        so that counts and intervals are those of one call. Frames that have a row are
        not predicted again, but for the last ones where predictions are smoothed.

        Args:
            source: The source.
            before: Rows of earlier calls.
            table: Takes the new rows.
            counts: Takes what became of the frames.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
            ValueError: The source cannot be read at all, or probabilities are not
                finite.
        """
        earlier = _Earlier(self, before, counts, table.last_before)
        for item in in_order(source.moments(), self.selection.max_jump):
            if isinstance(item, Moment) and self.selection.is_over(item.time_ns):
                break
            counts.read += 1
            problem = item if isinstance(item, Problem) else None
            if isinstance(item, Moment):
                problem = self._take(item, earlier, table, counts)
            if problem is not None:
                counts.dropped[problem.reason] += 1
                self.on_problem(problem)
            self.on_item()
        earlier.take_all()

    def _take(
        self, moment: Moment, earlier: "_Earlier", table: RowTable, counts: Counts
    ) -> Problem | None:
        """Take a frame, leave it out, or say why it is dropped."""
        if not self.selection.has_begun(moment.time_ns):
            counts.left_out += 1
            return None
        if earlier.has(moment.time_ns):
            self._smooth_again(moment, earlier)
            return None
        if self.selection.interval(moment.time_ns) == earlier.interval:
            counts.left_out += 1
            return None
        try:
            frame = moment.read()
        except (OSError, ValueError) as error:
            return Problem(DAMAGED, one_line(str(error)))
        if earlier.is_left:
            text = f"{moment.name} was not there when later frames were taken"
            return Problem(LATE, text)
        if not counts.taken:
            counts.faded = earlier.lost_before(moment.time_ns)
        prediction = self._predicted(frame, moment)
        found = prediction.labels, prediction.probabilities
        row, numbered = measure(*found, self.class_id, moment.time_ns)
        with held_signals():  # the row, and all that is made of it
            self.before_row(row, prediction, numbered)
            table.append(row)
            counts.taken += 1
            earlier.interval = self.selection.interval(row.time_ns)
            self.on_prediction(row.time_ns, prediction)
            self.on_row(row)
        return None

    def _predicted(self, frame: np.ndarray, moment: Moment) -> Prediction:
        prediction = self.model.predict_frame(frame, moment.name)
        if self.smoother is None:
            return prediction
        return self.smoother.add(moment.time_ns, prediction)

    def _smooth_again(self, moment: Moment, earlier: "_Earlier") -> None:
        """Let a frame of an earlier call have its weight in those that follow."""
        if not earlier.weighs(moment.time_ns):
            return
        try:
            frame = moment.read()
        except (OSError, ValueError):  # it was readable; ``lost_before`` counts it
            return
        self._predicted(frame, moment)
        earlier.again += 1


class _Earlier:
    """Rows of earlier calls, beside the frames of the source.

    Attributes:
        interval: That of the last row so far.
        again: Number of frames that were predicted again, to be smoothed with others.
    """

    def __init__(
        self,
        watcher: Watcher,
        rows: Iterator[Row],
        counts: Counts,
        last: int | None,
    ) -> None:
        self.interval: int | None = None
        self.again = 0
        self._last, self._weighing = last, 0
        self._watcher, self._rows, self._counts = watcher, rows, counts
        self._next = next(rows, None)

    @property
    def is_left(self) -> bool:
        """Whether later frames have rows already."""
        return self._next is not None

    def has(self, time_ns: int) -> bool:
        """Whether a frame has a row; takes over all rows up to its time."""
        found = False
        while self._next is not None and self._next.time_ns <= time_ns:
            found = self._next.time_ns == time_ns
            self._take(self._next)
        return found

    def weighs(self, time_ns: int) -> bool:
        """Whether the frame of a row still has weight in those after the last row."""
        smoother, last = self._watcher.smoother, self._last
        return (
            smoother is not None and last is not None and smoother.needs(time_ns, last)
        )

    def lost_before(self, time_ns: int) -> int:
        """Frames with weight in the first new one that are gone or unreadable now."""
        smoother, last = self._watcher.smoother, self._last
        if smoother is None or last is None or not smoother.needs(last, time_ns):
            return 0
        return self._weighing - self.again

    def take_all(self) -> None:
        """Take over the rest, whose frames are not in the source anymore."""
        while self._next is not None:
            self._take(self._next)

    def _take(self, row: Row) -> None:
        self.interval = self._watcher.selection.interval(row.time_ns)
        self._counts.there += 1
        self._weighing += self.weighs(row.time_ns)
        self._watcher.on_row(row)
        self._next = next(self._rows, None)

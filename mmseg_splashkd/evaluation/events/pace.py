"""Interval between the frames of a record, and its pauses."""

from collections import deque
from collections.abc import Iterable
from statistics import median_low

from mmseg_splashkd.datasets.checks.tracks import GAP_INTERVALS

WINDOW = 31  # steps; 15 pauses among them leave the median as it is
FEWEST = 3  # steps before a pause is recognised: two may differ by chance


class Pace:
    """The interval of a record, given or the running median of its steps.

    The median is the lower one of the last 31 steps, pauses included: it follows a
    camera that is set to another frame rate, and needs constant memory.

    Args:
        interval_ns: The interval in nanoseconds, above 0; None to estimate it.
        steps_ns: Last steps, of a record that goes on.
    """

    def __init__(self, interval_ns: int | None, steps_ns: Iterable[int] = ()) -> None:
        self.given_ns = interval_ns
        self.steps_ns = deque(steps_ns, maxlen=WINDOW)

    @property
    def interval_ns(self) -> int:
        """The interval in nanoseconds; 0 if it is unknown."""
        if self.given_ns is not None:
            return self.given_ns
        return median_low(self.steps_ns) if self.steps_ns else 0

    def is_pause(self, step_ns: int) -> bool:
        """Whether a step is longer than ten intervals.

        An estimated interval counts from three steps on; no step before is a pause.
        """
        if self.given_ns is None and len(self.steps_ns) < FEWEST:
            return False
        return step_ns > GAP_INTERVALS * self.interval_ns

    def add(self, step_ns: int) -> None:
        """Count a step between two frames, in nanoseconds."""
        if self.given_ns is None:
            self.steps_ns.append(step_ns)

"""What came of a source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """What came of a source.

    Attributes:
        status: Exit status: 0, 1 if some frames were dropped, 2 if there is no row.
        frames: Number of rows.
        dropped: Number of frames that were dropped.
        events: Number of events.
    """

    status: int
    frames: int
    dropped: int
    events: int

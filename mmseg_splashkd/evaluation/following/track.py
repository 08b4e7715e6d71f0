"""One splash over time, and the frames that it is made of."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.evaluation.components import Area


class Track(NamedTuple):
    """One splash, from the first frame with it to the last; times are in nanoseconds.

    A frame lasts until the next one, the last one before a pause or before the end of
    the record for one interval, as in ``Event``.

    Attributes:
        track: Its id, from 1; no other track of the record has it.
        start_ns: Time of the first frame.
        end_ns: Time of the last frame that has it.
        duration_s: Seconds from ``start_ns`` until that frame is over.
        frames: Number of frames that have it.
        peak_area: Largest area in pixels.
        area_px_s: Area summed over time, in pixels x seconds: the sum of area times
            duration of the frames that have it (left Riemann sum).
        path_px: Length of the way of its centroid in pixels, from frame to frame.
        begins_open: Whether it may have begun earlier: its first frame is the first one
            of the record, or after a pause.
        ends_open: Whether it may have ended later: its last frame is the last one of
            the record, or before a pause.
        merged_into: Id of the track that it became part of; None: it disappeared.
        split_from: Id of the track that it was part of; None: it appeared.
    """

    track: int
    start_ns: int
    end_ns: int
    duration_s: float
    frames: int
    peak_area: int
    area_px_s: float
    path_px: float
    begins_open: bool
    ends_open: bool
    merged_into: int | None
    split_from: int | None


@dataclass
class OpenTrack:
    """Sums over the frames of a track that goes on.

    Args:
        track: Its id.
        first_ns: Time of the first frame.
        last_ns: Time of the last frame that has it.
        over_ns: Time until which that frame lasted so far.
        last: The splash in that frame.
        begins_open: As in ``Track``.
        split_from: As in ``Track``.
        frames: Number of frames.
        peak: Largest area in pixels.
        area: Sum of area times duration, in pixels x seconds.
        path: Length of the way in pixels.
    """

    track: int
    first_ns: int
    last_ns: int
    over_ns: int
    last: Area
    begins_open: bool
    split_from: int | None
    frames: int = 0
    peak: int = 0
    area: float = 0.0
    path: float = 0.0

    @classmethod
    def begin(
        cls,
        track: int,
        time_ns: int,
        splash: Area,
        begins_open: bool,
        split_from: int | None,
    ) -> "OpenTrack":
        """A track of one frame, which still lasts."""
        times = (time_ns, time_ns, time_ns)
        begun = cls(track, *times, splash, begins_open, split_from)
        begun.see(time_ns, splash)
        return begun

    def see(self, time_ns: int, splash: Area) -> None:
        """Add a frame."""
        self.path += math.dist(self.last.centroid, splash.centroid)
        self.last, self.last_ns, self.over_ns = splash, time_ns, time_ns
        self.frames += 1
        self.peak = max(self.peak, splash.area)

    def until(self, over_ns: int) -> None:
        """Let its last frame last until a time."""
        self.area += self.last.area * (over_ns - self.over_ns) / SECOND
        self.over_ns = over_ns

    def ended(self, ends_open: bool = False, merged_into: int | None = None) -> Track:
        """The track, whose last frame is over."""
        return Track(
            track=self.track,
            start_ns=self.first_ns,
            end_ns=self.last_ns,
            duration_s=(self.over_ns - self.first_ns) / SECOND,
            frames=self.frames,
            peak_area=self.peak,
            area_px_s=self.area,
            path_px=self.path,
            begins_open=self.begins_open,
            ends_open=ends_open,
            merged_into=merged_into,
            split_from=self.split_from,
        )

"""One event of splash, and the frames that it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from mmseg_splashkd.datasets.timestamps import SECOND


class Event(NamedTuple):
    """One event; times are UNIX nanoseconds, shares lie in [0, 1].

    A frame lasts until the next one; the last frame before a pause or before the end of
    the record lasts for one interval of the record.

    Attributes:
        start_ns: Time of the first frame.
        end_ns: Time of the last frame.
        duration_s: Seconds from ``start_ns`` until the last frame is over. NaN if
            unknown, as in a table of true events without it.
        peak_share: Largest share of a frame; NaN if unknown.
        peak_ns: Time of the first frame with that share; ``NO_TIME`` if unknown.
        area_share_s: Share summed over time, in share x seconds: the sum of share times
            duration over all frames from the first to the last (left Riemann sum).
            NaN if unknown.
        intensity: ``area_share_s / duration_s``, the mean share of the event over time,
            which depends neither on its duration nor on the frame rate (this index is
            of this package). Of an event without duration, its share; NaN if unknown.
        frames: Number of frames from the first to the last, including those below the
            thresholds in a gap; 0 if unknown.
        begins_open: Whether the event may have begun earlier: its first frame is the
            first one of the record, or the first one after a pause.
        ends_open: Whether it may have ended later: its last frame is the last one of
            the record, or the last one before a pause.
    """

    start_ns: int
    end_ns: int
    duration_s: float
    peak_share: float
    peak_ns: int
    area_share_s: float
    intensity: float
    frames: int
    begins_open: bool
    ends_open: bool


@dataclass(frozen=True)
class Span:
    """Sums over consecutive frames, of which the last may still last.

    Args:
        first_ns: Time of the first frame, UNIX nanoseconds.
        last_ns: Time of the last frame.
        over_ns: Time until which frames have been counted.
        frames: Number of frames.
        area: Sum of share times duration over the frames that are over, in share x
            seconds.
        peak: Largest share.
        peak_ns: Time of the first frame with it.
        begins_open: As in ``Event``.
    """

    first_ns: int
    last_ns: int
    over_ns: int
    frames: int
    area: float
    peak: float
    peak_ns: int
    begins_open: bool

    @classmethod
    def of_frame(cls, time_ns: int, share: float, begins_open: bool) -> "Span":
        """A span of one frame, which still lasts."""
        return cls(time_ns, time_ns, time_ns, 1, 0.0, share, time_ns, begins_open)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Span":
        """The span of ``dataclasses.asdict``.

        Raises:
            KeyError, TypeError, ValueError: A value is missing or of another type.
        """
        return cls(
            first_ns=int(values["first_ns"]),
            last_ns=int(values["last_ns"]),
            over_ns=int(values["over_ns"]),
            frames=int(values["frames"]),
            area=float(values["area"]),
            peak=float(values["peak"]),
            peak_ns=int(values["peak_ns"]),
            begins_open=bool(values["begins_open"]),
        )

    def until(self, over_ns: int, share: float) -> "Span":
        """The span when its last frame, of the given share, is over."""
        seconds = (over_ns - self.last_ns) / SECOND
        return replace(self, over_ns=over_ns, area=self.area + share * seconds)

    def joined(self, other: "Span") -> "Span":
        """This span and the one that follows it."""
        higher = other if other.peak > self.peak else self
        return replace(
            self,
            last_ns=other.last_ns,
            over_ns=other.over_ns,
            frames=self.frames + other.frames,
            area=self.area + other.area,
            peak=higher.peak,
            peak_ns=higher.peak_ns,
        )

    def event(self, ends_open: bool) -> Event:
        """The event of these frames, which are all over."""
        duration = (self.over_ns - self.first_ns) / SECOND
        return Event(
            start_ns=self.first_ns,
            end_ns=self.last_ns,
            duration_s=duration,
            peak_share=self.peak,
            peak_ns=self.peak_ns,
            area_share_s=self.area,
            intensity=self.area / duration if duration else self.peak,
            frames=self.frames,
            begins_open=self.begins_open,
            ends_open=ends_open,
        )

"""Which frames are taken: a span of time, and at most one in each interval."""

from dataclasses import dataclass
from fractions import Fraction

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.datasets.video_header import moment_of
from mmseg_splashkd.deploy.watch.clock import MAX_JUMP
from mmseg_splashkd.evaluation.events.table import format_utc

MAX_JUMP_OPTION = "--max-jump"


@dataclass(frozen=True)
class Selection:
    """Which frames are taken.

    Intervals are counted from 1970, not from the first frame, so that the same frames
    are taken wherever a source begins.

    Attributes:
        every: Length of an interval in nanoseconds, from 1.
        first: Time from which frames are taken, in nanoseconds; None: from the first.
        end: Time before which they are taken; None: to the last.
        max_jump: Nanoseconds between two frames from which the clock may be wrong, see
            ``in_order``.
    """

    every: int = 1
    first: int | None = None
    end: int | None = None
    max_jump: int = MAX_JUMP

    @classmethod
    def of(
        cls,
        every: str | None,
        first: str | None,
        until: str | None,
        max_jump: str | None = None,
    ) -> "Selection":
        """Read the words of the command line.

        Args:
            every: Seconds above 0, such as ``'0.5'`` or ``'1/3'``.
            first: UNIX seconds, or an ISO 8601 date and time.
            until: The same, after ``first``.
            max_jump: Seconds above 0; None: a day.

        Raises:
            ValueError: One is something else.
        """
        begin = None if first is None else moment_of(first, "--from")
        end = None if until is None else moment_of(until, "--until")
        if begin is not None and end is not None and end <= begin:
            raise ValueError(f"--until {until} is not after --from {first}")
        interval = 1 if every is None else _nanoseconds(every, "--every")
        jump = MAX_JUMP if max_jump is None else _nanoseconds(max_jump, "--max-jump")
        return cls(interval, begin, end, jump)

    def has_begun(self, time_ns: int) -> bool:
        """Whether the span has begun at a time."""
        return self.first is None or time_ns >= self.first

    def is_over(self, time_ns: int) -> bool:
        """Whether a time lies after the span."""
        return self.end is not None and time_ns >= self.end

    def interval(self, time_ns: int) -> int:
        """Number of the interval of a time."""
        return time_ns // self.every

    def identity(self) -> dict[str, str]:
        """What distinguishes it from others: name -> value."""
        every = "all frames" if self.every == 1 else f"{self.every / SECOND:.9g} s"
        first = "the first" if self.first is None else format_utc(self.first)
        end = "the last" if self.end is None else format_utc(self.end)
        jump = f"{self.max_jump / SECOND:.9g} s"
        return {
            "--every": every,
            "--from": first,
            "--until": end,
            MAX_JUMP_OPTION: jump,
        }

    @classmethod
    def identity_before(cls) -> dict[str, str]:
        """Values of the names that earlier versions did not distinguish."""
        return {MAX_JUMP_OPTION: cls().identity()[MAX_JUMP_OPTION]}


def _nanoseconds(seconds: str, option: str) -> int:
    try:
        length = round(Fraction(seconds) * SECOND)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{option} {seconds!r} is not a number of seconds") from error
    if length < 1:
        raise ValueError(f"{option} {seconds!r} must be seconds above 0")
    return length

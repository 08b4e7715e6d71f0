"""Finds events in a series of shares, frame by frame and in constant memory."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from numbers import Integral
from typing import Any

import numpy as np

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.evaluation.events.event import Event, Span
from mmseg_splashkd.evaluation.events.pace import WINDOW, Pace
from mmseg_splashkd.evaluation.events.settings import EventSettings

VERSION = 1  # of the state


class EventFinder:
    """Events of one recording; see ``EventSettings`` and ``Event``.

    Runs that are an event each, with a gap of at most ``gap_seconds`` between them, are
    one event; weak runs, which do not reach ``on``, are not. An event is final when no
    later frame can belong to it. A pause, which is a step of more than ten intervals,
    ends it.

    Args:
        settings: Thresholds and times.
        interval_s: Seconds between frames, above 0. By default the running median of
            the last 31 steps; then none of the first three steps is a pause.

    Raises:
        ValueError: ``interval_s`` is not above 0.
    """

    def __init__(
        self, settings: EventSettings | None = None, interval_s: float | None = None
    ) -> None:
        self.settings = settings or EventSettings()
        if interval_s is not None and not 1 <= interval_s * SECOND < float("inf"):
            raise ValueError(
                f"interval_s={interval_s!r}: give the seconds between frames, above 0, "
                f"or None to estimate them"
            )
        given = None if interval_s is None else round(interval_s * SECOND)
        self._pace = Pace(given)
        self._last: tuple[int, float] | None = None  # time and share of a frame
        self._paused = True  # no frame is before the next one
        self._inside = False  # the last frame is of the event ``kept``
        self._kept: Span | None = None  # an event that may go on
        self._tail: Span | None = None  # all frames after it
        self._run: Span | None = None  # frames >= off since the last one below

    def add(self, time_ns: int, share: float) -> list[Event]:
        """Add the next frame.

        Args:
            time_ns: Its time, UNIX nanoseconds, above that of the last frame.
            share: Share of its pixels that is splash, in [0, 1].

        Returns:
            The events that have become final, in time order.

        Raises:
            ValueError: The time does not increase, or a value is out of its range; the
                finder is unchanged and takes further frames.
        """
        time_ns, share = self._checked(time_ns, share)
        final = self._step_to(time_ns)
        self._last = time_ns, share
        frame = Span.of_frame(time_ns, share, self._paused)
        self._paused = False
        if share < self.settings.off:
            self._leave(frame)
        else:
            final += self._enter(frame)
        if self._is_final(time_ns):
            final += self._taken(ends_open=False)
        return final

    def close(self) -> list[Event]:
        """End the record, as a pause does.

        Returns:
            The last event, if there is one. Further frames may follow, as after a
            pause.
        """
        if self._paused or self._last is None:
            return []
        self._settle(self._last[0] + self._pace.interval_ns)
        final = self._taken(ends_open=self._inside)
        self._inside, self._run, self._paused = False, None, True
        return final

    @property
    def current(self) -> Event | None:
        """The event that goes on, up to the last frame, for which it lasted 0 s yet.

        It may still grow, and be dropped at its end if it is too short. None outside of
        an event.
        """
        inside = self._inside and self._kept
        return inside.event(ends_open=True) if inside else None

    def state(self) -> dict[str, Any]:
        """All that the finder knows, as JSON values, for ``resume``."""
        return {
            "version": VERSION,
            "settings": self.settings.as_json(),
            "interval_ns": self._pace.given_ns,
            "steps_ns": list(self._pace.steps_ns),
            "last": None if self._last is None else list(self._last),
            "paused": self._paused,
            "inside": self._inside,
            "kept": self._kept and asdict(self._kept),
            "tail": self._tail and asdict(self._tail),
            "run": self._run and asdict(self._run),
        }

    @classmethod
    def resume(
        cls, settings: EventSettings | None, state: Mapping[str, Any]
    ) -> "EventFinder":
        """A finder that goes on where another one was.

        Args:
            settings: Those of the other one.
            state: Its ``state``, also when it was written as JSON meanwhile.

        Returns:
            A finder that finds exactly what the other one would have found.

        Raises:
            ValueError: The state is damaged, of another version or of other settings.
        """
        finder = cls(settings)
        _check_state(state, finder.settings)
        try:
            finder._load(state)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"the state of an event finder is damaged ({error!r}): begin with a "
                f"new EventFinder"
            ) from error
        return finder

    def _load(self, state: Mapping[str, Any]) -> None:
        given = state["interval_ns"]
        steps = [int(step) for step in state["steps_ns"]][-WINDOW:]
        self._pace = Pace(None if given is None else int(given), steps)
        last = state["last"]
        self._last = None if last is None else (int(last[0]), float(last[1]))
        self._paused, self._inside = bool(state["paused"]), bool(state["inside"])
        self._kept, self._tail, self._run = (
            None if state[name] is None else Span.from_json(state[name])
            for name in ("kept", "tail", "run")
        )

    def _checked(self, time_ns: int, share: float) -> tuple[int, float]:
        if not isinstance(time_ns, Integral) or isinstance(time_ns, bool):
            raise ValueError(f"time_ns={time_ns!r}: give whole nanoseconds")
        if self._last is not None and time_ns <= self._last[0]:
            raise ValueError(
                f"time_ns={time_ns} is not after the last frame, {self._last[0]}: drop "
                f"the frame and count it"
            )
        if not 0 <= share <= 1:  # NaN, too
            raise ValueError(
                f"share={share!r}: give a share of the frame's pixels in [0, 1]"
            )
        return int(time_ns), float(share)

    def _step_to(self, time_ns: int) -> list[Event]:
        """Let the last frame be over when the next one comes, or end at a pause."""
        if self._last is None:
            return []
        step = time_ns - self._last[0]
        final = self.close() if self._pace.is_pause(step) else []
        if not self._paused:
            self._settle(time_ns)
        self._pace.add(step)
        return final

    def _settle(self, over_ns: int) -> None:
        """The last frame lasted until ``over_ns``: count it where it belongs."""
        assert self._last is not None
        share = self._last[1]
        if self._inside:
            self._kept = self._kept and self._kept.until(over_ns, share)
            return
        self._tail = self._tail and self._tail.until(over_ns, share)
        self._run = self._run and self._run.until(over_ns, share)

    def _leave(self, frame: Span) -> None:
        """Take a frame below ``off``."""
        self._inside, self._run = False, None
        if self._kept is not None:
            self._tail = _joined(self._tail, frame)

    def _enter(self, frame: Span) -> list[Event]:
        """Take a frame of a run."""
        if self._inside:
            self._kept = _joined(self._kept, frame)
            return []
        final = []
        if self._run is None and self._kept is not None and self._is_apart(frame):
            final = self._taken(ends_open=False)
        self._run = _joined(self._run, frame)
        if self._kept is not None:
            self._tail = _joined(self._tail, frame)
        if frame.peak >= self.settings.on:
            more = self._run if self._tail is None else self._tail
            self._kept = _joined(self._kept, more)
            self._inside, self._tail, self._run = True, None, None
        return final

    def _is_apart(self, frame: Span) -> bool:
        assert self._kept is not None
        return frame.first_ns - self._kept.last_ns > self.settings.gap_ns

    def _is_final(self, time_ns: int) -> bool:
        """Whether no run can join the event: one that began in time still may."""
        if self._kept is None or self._inside or self._run is not None:
            return False
        return time_ns - self._kept.last_ns >= self.settings.gap_ns

    def _taken(self, ends_open: bool) -> list[Event]:
        """The event that was kept, if it is long enough; it is kept no longer."""
        span, self._kept, self._tail = self._kept, None, None
        if span is None or span.over_ns - span.first_ns < self.settings.min_ns:
            return []
        return [span.event(ends_open)]


def _check_state(state: Mapping[str, Any], settings: EventSettings) -> None:
    version = state.get("version") if isinstance(state, Mapping) else None
    if version != VERSION:
        raise ValueError(
            f"the state of an event finder is of version {version!r}, this code reads "
            f"{VERSION}: begin with a new EventFinder"
        )
    if EventSettings.from_json(state.get("settings")) != settings:
        raise ValueError(
            f"settings={settings} are not those of the state, {state['settings']}: "
            f"resume with the same settings, or begin with a new EventFinder"
        )


def _joined(first: Span | None, second: Span) -> Span:
    return second if first is None else first.joined(second)


def find_events(
    times_ns: Sequence[int] | np.ndarray,
    shares: Sequence[float] | np.ndarray,
    settings: EventSettings | None = None,
    interval_s: float | None = None,
) -> list[Event]:
    """All events of a recording, as ``EventFinder`` finds them.

    Args:
        times_ns: (N,) UNIX nanoseconds of its frames, increasing.
        shares: (N,) share of each frame's pixels that is splash, in [0, 1].
        settings: Thresholds and times; by default those of ``EventSettings``.
        interval_s: As in ``EventFinder``.

    Raises:
        ValueError: Times do not increase, or a value is out of its range.
    """
    if len(times_ns) != len(shares):
        raise ValueError(
            f"times_ns has {len(times_ns)} values and shares {len(shares)}: give one "
            f"of each per frame"
        )
    finder = EventFinder(settings, interval_s)
    found: list[Event] = []
    for time_ns, share in zip(times_ns, shares, strict=True):
        found += finder.add(time_ns, share)  # pyright: ignore[reportArgumentType]
    return found + finder.close()

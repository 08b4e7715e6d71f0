"""Frames in the order of time, also where the clock of a source jumps or errs."""

from collections.abc import Iterator

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy.watch.source import (
    BACKWARDS,
    CLOCK,
    REPEATED,
    Moment,
    Problem,
)

MAX_JUMP = 86_400 * SECOND  # nanoseconds
HELD = 4  # frames at the beginning and after a jump that come before it is believed


def in_order(
    items: Iterator[Moment | Problem], max_jump: int = MAX_JUMP
) -> Iterator[Moment | Problem]:
    """Replace frames whose time does not increase, or is of a wrong clock, by problems.

    A frame jumps if it is more than ``max_jump`` after the one before it; the first
    one does, too. It waits, with those that follow it in order, until they are
    ``HELD``: then the new time is believed. If a frame comes before that which belongs
    to the time before the jump (at most ``max_jump`` after the last frame there, or
    more than ``max_jump`` before the jump), those that wait are dropped, as of a wrong
    clock. So is a last frame that jumps alone: the next call decides on it.

    Args:
        items: Moments and problems of a source. Moments stay valid for ``HELD`` others.
        max_jump: Nanoseconds, from 1.
    """
    clock = _Clock(max_jump)
    for item in items:
        if isinstance(item, Moment):
            yield from clock.take(item)
        else:
            yield item
    yield from clock.end()


class _Clock:
    """Frames that wait, and the time of the last one that did not.

    In ``held``, ``starts`` are the places of the frames that jump; the first place is
    always one of them.
    """

    def __init__(self, max_jump: int) -> None:
        self.max_jump = max_jump
        self.last: int | None = None
        self.held: list[Moment] = []
        self.starts: list[int] = []

    def take(self, moment: Moment) -> Iterator[Moment | Problem]:
        """Take the next frame of the source."""
        while self.held and self._is_before_jump(moment.time_ns):
            yield from self._drop(f"and {moment.name} is earlier again")
        tail = self.held[-1].time_ns if self.held else self.last
        if tail is not None and moment.time_ns <= tail:
            yield _disordered(moment, tail)
            return
        jumps = tail is None or moment.time_ns - tail > self.max_jump
        if jumps:
            self.starts.append(len(self.held))
        elif not self.held:
            self.last = moment.time_ns
            yield moment
            return
        self.held.append(moment)
        if len(self.held) == HELD:
            # What precedes a further jump has been followed long enough.
            yield from self._believe(self.starts[-1] or HELD)

    def end(self) -> Iterator[Moment | Problem]:
        """Take the end of the source."""
        if not self.held:
            return
        alone = len(self.held) - self.starts[-1] == 1
        if alone and self._before_jump() is not None:
            yield from self._drop("and none follows it")
        yield from self._believe(len(self.held))

    def _before_jump(self) -> int | None:
        """Time of the frame before the last jump; None before the first frame."""
        start = self.starts[-1]
        return self.held[start - 1].time_ns if start else self.last

    def _is_before_jump(self, time_ns: int) -> bool:
        first, before = self.held[self.starts[-1]].time_ns, self._before_jump()
        if time_ns >= first:
            return False
        if first - time_ns > self.max_jump:
            return True
        return before is not None and time_ns - before <= self.max_jump

    def _drop(self, why: str) -> Iterator[Problem]:
        """Drop all frames from the last jump on."""
        before, start = self._before_jump(), self.starts.pop()
        for each in self.held[start:]:
            where = "is the first"
            if before is not None:
                ahead = (each.time_ns - before) / SECOND
                where = f"is {ahead:,.3f} s after the frame before it"
            yield Problem(CLOCK, f"{each.name} {where}, {why}")
        del self.held[start:]

    def _believe(self, count: int) -> Iterator[Moment]:
        """Let the first ``count`` frames pass."""
        passed, self.held = self.held[:count], self.held[count:]
        self.starts = [start - count for start in self.starts if start >= count]
        for each in passed:
            self.last = each.time_ns
            yield each


def _disordered(moment: Moment, last: int) -> Problem:
    if moment.time_ns == last:
        return Problem(REPEATED, f"{moment.name} has the time of the frame before it")
    back = (last - moment.time_ns) / SECOND
    return Problem(BACKWARDS, f"{moment.name} is {back:.3f} s before the latest frame")

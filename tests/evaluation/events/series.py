"""Random series, builders of events, and the events of a series computed offline."""

from itertools import pairwise

import numpy as np

from mmseg_splashkd.evaluation.events import Event, EventSettings

SECOND = 10**9
WINDOW, FEWEST, PAUSE = 31, 3, 10  # as documented by ``Pace``


def random_series(seed: int, frames: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Times with late frames and pauses, and shares about the default thresholds."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([0.04, 1, 3]) * rng.uniform(0.6, 1.5, frames)
    steps[rng.random(frames) < 0.05] *= 25
    times = (
        np.cumsum(np.round(steps * SECOND).astype(np.int64)) + 1_683_000_000 * SECOND
    )
    levels = np.array([0, 0.0005, 0.001, 0.0015, 0.002, 0.004])
    stay = rng.integers(1, 6, frames)
    shares = np.repeat(levels[rng.integers(0, len(levels), frames)], stay)[:frames]
    return times, shares


def random_settings(seed: int) -> EventSettings:
    rng = np.random.default_rng(seed + 10_000)
    return EventSettings(
        min_seconds=float(rng.choice([0, 0.1, 2, 6])),
        gap_seconds=float(rng.choice([0, 0.2, 3, 10, 100])),
    )


def intervals_before(times: np.ndarray, given: float | None) -> np.ndarray:
    """(N,) interval that is known at each frame, from the steps up to it; 0: none."""
    if given is not None:
        return np.full(len(times), round(given * SECOND))
    steps, known = np.diff(times), np.zeros(len(times), np.int64)
    for row in range(1, len(times)):
        window = np.sort(steps[max(0, row - WINDOW) : row])
        known[row] = window[(len(window) - 1) // 2]
    return known


def offline(
    times: np.ndarray,
    shares: np.ndarray,
    settings: EventSettings,
    given: float | None = None,
) -> list[Event]:
    """All events at once: stretches, runs by differences, joins, sums over slices."""
    if not len(times):
        return []
    known, steps = intervals_before(times, given), np.diff(times)
    pauses = steps > PAUSE * known[:-1]
    if given is None:
        pauses[:FEWEST] = False
    holds = np.append(np.where(pauses, known[:-1], steps), known[-1])
    found = []
    edges = [0, *(np.flatnonzero(pauses) + 1).tolist(), len(times)]
    for begin, end in pairwise(edges):
        above = np.concatenate([[0], (shares[begin:end] >= settings.off), [0]])
        change = np.diff(above.astype(int))
        firsts = np.flatnonzero(change == 1) + begin
        lasts = np.flatnonzero(change == -1) - 1 + begin
        both = zip(firsts, lasts, strict=True)
        runs = [(a, b) for a, b in both if shares[a : b + 1].max() >= settings.on]
        cuts = [
            i
            for i in range(1, len(runs))
            if times[runs[i][0]] - times[runs[i - 1][1]] > settings.gap_seconds * SECOND
        ]
        for group in np.split(np.array(runs, int).reshape(-1, 2), cuts):
            if len(group):
                span = slice(group[0, 0], group[-1, 1] + 1)
                found.append(_event(times, shares, holds, span, (begin, end)))
    least = round(settings.min_seconds * SECOND)
    return [each for each in found if round(each.duration_s * SECOND) >= least]


def _event(times, shares, holds, span: slice, edges: tuple[int, int]) -> Event:
    seconds = holds[span] / SECOND
    area, duration = float(np.dot(shares[span], seconds)), holds[span].sum() / SECOND
    top = span.start + int(np.argmax(shares[span]))
    return Event(
        start_ns=int(times[span.start]),
        end_ns=int(times[span.stop - 1]),
        duration_s=float(duration),
        peak_share=float(shares[top]),
        peak_ns=int(times[top]),
        area_share_s=area,
        intensity=area / duration if duration else float(shares[top]),
        frames=span.stop - span.start,
        begins_open=span.start == edges[0],
        ends_open=span.stop == edges[1],
    )


def event(start: float, end: float, area: float = float("nan")) -> Event:
    """An event of times in seconds, of which nothing else is known but its area."""
    nan = float("nan")
    first, last = round(start * SECOND), round(end * SECOND)
    return Event(first, last, nan, nan, -1, area, nan, 0, False, False)

"""Scores of found events: precision, recall, errors in time and in area."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.evaluation.events.event import Event
from mmseg_splashkd.evaluation.events.matching import Matching, match_events
from mmseg_splashkd.evaluation.events.table import RecordedEvent

NAN = float("nan")


@dataclass(frozen=True)
class EventScores:
    """Found events beside true events of one or more recordings.

    Args:
        pairs: Found and true event of each pair of ``match_events``.
        found: Number of found events.
        true: Number of true events.
        false: Number of found events that no true event overlaps.
        merged: Number of found events that overlap two or more true ones.
        split: Number of true events that two or more found ones overlap.
        hours: Observed time in hours; NaN if unknown.
    """

    pairs: tuple[tuple[Event, Event], ...]
    found: int
    true: int
    false: int
    merged: int
    split: int
    hours: float

    @property
    def precision(self) -> float:
        """Fraction of the found events that have a pair; NaN without found events."""
        return _ratio(len(self.pairs), self.found)

    @property
    def recall(self) -> float:
        """Fraction of the true events that have a pair; NaN without true events."""
        return _ratio(len(self.pairs), self.true)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN without any event."""
        return _ratio(2 * len(self.pairs), self.found + self.true)

    @property
    def false_per_hour(self) -> float:
        """False alarms per observed hour; NaN if that time is unknown or 0."""
        return _ratio(self.false, self.hours)

    def errors(self, of: Callable[[Event], float]) -> np.ndarray:
        """Found value less true value of each pair, in the unit of ``of``; (P,)."""
        return np.array([of(found) - of(true) for found, true in self.pairs], float)

    @property
    def onset_errors(self) -> np.ndarray:
        """Seconds by which each pair begins too late, < 0 if too early; (P,)."""
        return self.errors(lambda event: event.start_ns) / SECOND

    @property
    def end_errors(self) -> np.ndarray:
        """Seconds by which each pair ends too late, < 0 if too early; (P,)."""
        return self.errors(lambda event: event.end_ns) / SECOND

    @property
    def duration_errors(self) -> np.ndarray:
        """Seconds from first to last frame, found less true; (P,).

        Not of ``duration_s``, which a table of true events may lack.
        """
        return self.errors(lambda event: event.end_ns - event.start_ns) / SECOND

    @property
    def area_errors(self) -> np.ndarray:
        """Found less true area, by the true area, of pairs where it is above 0."""
        areas = [(f.area_share_s, t.area_share_s) for f, t in self.pairs]
        return np.array([f / t - 1 for f, t in areas if t > 0 and f >= 0], float)


def score_events(
    found: Sequence[RecordedEvent],
    true: Sequence[RecordedEvent],
    hours: float = NAN,
    tolerance_s: float = 0.0,
) -> EventScores:
    """Match the events of each recording, and count.

    Args:
        found: Found events.
        true: True events. Events of a recording that the other list lacks have no pair.
        hours: Observed time of all recordings in hours, above 0; NaN if unknown.
        tolerance_s: As in ``match_events``.

    Raises:
        ValueError: An argument is out of its range, or both lists have events and no
            recording in common.
    """
    if hours <= 0:
        raise ValueError(f"hours={hours!r}: give the observed time in hours, above 0")
    by_name = [_by_recording(events) for events in (found, true)]
    names = [set(each) for each in by_name]
    if all(names) and not names[0] & names[1]:
        raise ValueError(
            f"found events are of {_listed(names[0])}, true ones of "
            f"{_listed(names[1])}: give their recordings the same names"
        )
    pairs: list[tuple[Event, Event]] = []
    counts = np.zeros(3, int)
    for name in sorted(names[0] | names[1]):
        first, second = (each.get(name, []) for each in by_name)
        matching = match_events(first, second, tolerance_s)
        pairs += [(first[row], second[column]) for row, column in matching.pairs]
        counts += _counts(matching)
    false, merged, split = counts.tolist()
    return EventScores(tuple(pairs), len(found), len(true), false, merged, split, hours)


def event_metrics(scores: EventScores) -> dict[str, float]:
    """Event scores as metrics; undefined ones are omitted.

    Returns:
        ``Events.precision``, ``Events.recall`` and ``Events.f1`` in percent;
        ``Events.found``, ``Events.true``, ``Events.false``, ``Events.merged`` and
        ``Events.split`` (numbers); ``Events.false_per_hour``; of the pairs mean, median
        and mean and median absolute value of the errors in seconds:
        ``Events.onset_mean``, ``_median``, ``_abs_mean``, ``_abs_median``, and the same
        of ``end`` and ``duration``; and of the relative ``area`` error in percent.
    """
    figures = {
        "precision": 100 * scores.precision,
        "recall": 100 * scores.recall,
        "f1": 100 * scores.f1,
        "found": scores.found,
        "true": scores.true,
        "false": scores.false,
        "false_per_hour": scores.false_per_hour,
        "merged": scores.merged,
        "split": scores.split,
        **_summary("onset", scores.onset_errors),
        **_summary("end", scores.end_errors),
        **_summary("duration", scores.duration_errors),
        **_summary("area", 100 * scores.area_errors),
    }
    return {
        f"Events.{name}": float(value)
        for name, value in figures.items()
        if not np.isnan(value)
    }


def _summary(name: str, errors: np.ndarray) -> dict[str, float]:
    if not len(errors):
        return {}
    return {
        f"{name}_mean": float(np.mean(errors)),
        f"{name}_median": float(np.median(errors)),
        f"{name}_abs_mean": float(np.mean(np.abs(errors))),
        f"{name}_abs_median": float(np.median(np.abs(errors))),
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else NAN


def _by_recording(events: Sequence[RecordedEvent]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for each in events:
        found.setdefault(each.recording, []).append(each.event)
    return found


def _counts(matching: Matching) -> list[int]:
    return [len(matching.false), len(matching.merged), len(matching.split)]


def _listed(names: set[str]) -> str:
    first = ", ".join(map(repr, sorted(names)[:3]))
    return first if len(names) <= 3 else f"{first} and {len(names) - 3} more"

"""Which found event is which true one: a matching by overlap in time."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.evaluation.events.event import Event


class Matching(NamedTuple):
    """Found and true events of one recording.

    Attributes:
        pairs: Index of the found and of the true event of each pair, by true events.
        false: Indices of the found events that no true event overlaps.
        merged: Indices of the found events that overlap two or more true ones.
        split: Indices of the true events that two or more found ones overlap.
    """

    pairs: list[tuple[int, int]]
    false: list[int]
    merged: list[int]
    split: list[int]


def match_events(
    found: Sequence[Event], true: Sequence[Event], tolerance_s: float = 0.0
) -> Matching:
    """Match found events with true events of the same recording.

    Two events overlap if the times from first to last frame share an instant, each end
    included, after those of the true one are widened by ``tolerance_s``. Each event is
    in at most one pair. Of all such matchings the one with the most pairs is taken, and
    among those the one with the longest overlap in total: pairs taken by overlap alone
    could leave an event without partner that had one. So of a true event that was found
    in pieces, one piece is its pair, and the others lower the precision; of true events
    that were found as one, one is its pair, and the others lower the recall.

    Args:
        found: F events in any order.
        true: T events in any order.
        tolerance_s: Seconds, >= 0.

    Raises:
        ValueError: ``tolerance_s`` is out of its range.
    """
    if not 0 <= tolerance_s < float("inf"):
        raise ValueError(f"tolerance_s={tolerance_s!r}: give seconds from 0")
    slack = round(tolerance_s * SECOND)
    first = _ends(found, 0)
    second = _ends(true, slack)
    pairs: list[tuple[int, int]] = []
    partners = np.zeros(len(found), int), np.zeros(len(true), int)
    for rows, columns in _groups(first, second):
        seconds, meet = _overlaps(first[rows], second[columns])
        partners[0][rows], partners[1][columns] = meet.sum(1), meet.sum(0)
        pairs += [
            (int(rows[row]), int(columns[column]))
            for row, column in _assigned(seconds, meet)
        ]
    return Matching(
        sorted(pairs, key=lambda pair: pair[1]),
        np.flatnonzero(partners[0] == 0).tolist(),
        np.flatnonzero(partners[0] > 1).tolist(),
        np.flatnonzero(partners[1] > 1).tolist(),
    )


def _ends(events: Sequence[Event], slack: int) -> np.ndarray:
    """(N, 2) start and end in nanoseconds."""
    ends = [(event.start_ns - slack, event.end_ns + slack) for event in events]
    return np.array(ends, np.int64).reshape(-1, 2)


def _groups(
    first: np.ndarray, second: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices of events that no event of another group overlaps.

    The assignment needs a table of all pairs, which would not fit for a season.
    """
    both = np.concatenate([first, second])
    order = np.argsort(both[:, 0], kind="stable")
    latest = np.maximum.accumulate(both[order, 1])
    apart = np.flatnonzero(both[order[1:], 0] > latest[:-1])
    for group in np.split(order, 1 + apart) if len(order) else ():
        rows, columns = group[group < len(first)], group[group >= len(first)]
        if len(rows) and len(columns):
            yield np.sort(rows), np.sort(columns) - len(first)


def _overlaps(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(F, T) seconds of overlap, and whether the two events share an instant."""
    start = np.maximum(first[:, None, 0], second[None, :, 0])
    end = np.minimum(first[:, None, 1], second[None, :, 1])
    return np.maximum(end - start, 0) / SECOND, end >= start


def _assigned(seconds: np.ndarray, meet: np.ndarray) -> list[tuple[int, int]]:
    # A pair is worth more than all overlap there is: first the number of pairs counts.
    worth = np.where(meet, seconds + seconds.sum() + 1, 0)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    chosen = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in chosen if meet[row, column]]

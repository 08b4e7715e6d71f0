"""The matching beside all matchings there are, and by hand."""

from itertools import combinations, permutations

import numpy as np
import pytest

from mmseg_splashkd.evaluation.events import match_events
from tests.evaluation.events.series import SECOND, event


def overlap(found, true) -> float | None:
    """Seconds that two events share; None if they share no instant."""
    start, end = max(found.start_ns, true.start_ns), min(found.end_ns, true.end_ns)
    return (end - start) / SECOND if end >= start else None


def best_of_all(found, true) -> tuple[int, float]:
    """Most pairs, and among those the longest overlap, by trying all matchings."""
    best = (0, 0.0)
    for size in range(1, min(len(found), len(true)) + 1):
        for rows in combinations(range(len(found)), size):
            for columns in permutations(range(len(true)), size):
                each = [
                    overlap(found[row], true[column])
                    for row, column in zip(rows, columns, strict=True)
                ]
                known = [one for one in each if one is not None]
                if len(known) == size:
                    best = max(best, (size, sum(known)))
    return best


def random_events(rng: np.random.Generator) -> list:
    starts = rng.integers(0, 12, rng.integers(0, 6))
    return [event(int(start), int(start + rng.integers(0, 6))) for start in starts]


def test_the_matching_is_the_best_of_all():
    rng, merged, split = np.random.default_rng(0), 0, 0
    for _ in range(300):
        found, true = random_events(rng), random_events(rng)
        matching = match_events(found, true)
        rows, columns = (
            zip(*matching.pairs, strict=True) if matching.pairs else ((), ())
        )
        assert len(set(rows)) == len(rows)
        assert list(columns) == sorted(set(columns))
        pairs = [overlap(found[row], true[column]) for row, column in matching.pairs]
        shared = [each for each in pairs if each is not None]
        assert len(shared) == len(pairs)
        expected = best_of_all(found, true)
        assert len(shared) == expected[0]
        assert sum(shared) == pytest.approx(expected[1])
        meets = [[overlap(f, t) is not None for t in true] for f in found]
        assert matching.false == [i for i, row in enumerate(meets) if not any(row)]
        assert matching.merged == [i for i, row in enumerate(meets) if sum(row) > 1]
        by_true = list(zip(*meets, strict=True))
        assert matching.split == [i for i, row in enumerate(by_true) if sum(row) > 1]
        merged, split = merged + len(matching.merged), split + len(matching.split)
    assert merged > 50
    assert split > 50


def test_most_pairs_come_before_the_longest_overlap():
    # By overlap alone, the long one would take the middle and leave two alone.
    found, true = [event(0, 4), event(3, 20)], [event(4, 18), event(19, 30)]
    assert match_events(found, true).pairs == [(0, 0), (1, 1)]


def test_of_an_event_in_pieces_the_longest_is_its_pair():
    found, true = [event(0, 1), event(2, 6), event(7, 8)], [event(0, 8)]
    matching = match_events(found, true)
    assert matching.pairs == [(1, 0)]
    assert (matching.false, matching.merged, matching.split) == ([], [], [0])


def test_events_found_as_one_have_one_pair():
    found, true = [event(0, 10)], [event(0, 2), event(4, 9)]
    matching = match_events(found, true)
    assert matching.pairs == [(0, 1)]
    assert (matching.false, matching.merged, matching.split) == ([], [0], [])


def test_events_of_one_frame_share_an_instant():
    assert match_events([event(5, 5)], [event(5, 5)]).pairs == [(0, 0)]
    assert match_events([event(5, 5)], [event(3, 5)]).pairs == [(0, 0)]
    matching = match_events([event(5.1, 5.1)], [event(3, 5)])
    assert (matching.pairs, matching.false) == ([], [0])


def test_a_tolerance_widens_the_true_events():
    found, true = [event(7, 8)], [event(3, 5)]
    assert match_events(found, true, 1.9).pairs == []
    assert match_events(found, true, 2).pairs == [(0, 0)]
    with pytest.raises(ValueError, match="tolerance_s=-1: give seconds from 0"):
        match_events(found, true, -1)


def test_a_season_is_matched_in_little_memory():
    starts = range(0, 20_000 * 60, 60)
    found = [event(start, start + 9) for start in starts]
    true = [event(start + 5, start + 20) for start in starts]
    assert match_events(found, true).pairs == [(i, i) for i in range(len(starts))]


def test_nothing_matches_nothing():
    assert match_events([], []) == ([], [], [], [])
    assert match_events([event(1, 2)], []).false == [0]
    assert match_events([], [event(1, 2)]).pairs == []

"""Errors of short series that can be computed by hand."""

import numpy as np
import pytest

from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.statistics.event_errors import (
    KnownFrames,
    Seen,
    reference_of,
)

SECOND = 10**9
SETTINGS = EventSettings(on=0.02, off=0.01, min_seconds=0, gap_seconds=0)
# Of each recording: an event found too long, a false alarm, a missed one, and a merger.
TRUE = [0, 0.02, 0.04, 0, 0, 0, 0, 0.03, 0, 0, 0.02, 0, 0.04, 0.04, 0, 0]
FOUND = [0, 0.02, 0.02, 0.02, 0, 0.02, 0, 0, 0, 0, 0.04, 0.01, 0.04, 0.04, 0.001, 0]
SURE = [0.9 if share else np.nan for share in FOUND]
RECORDINGS = 12


def frames(step: int = 10) -> KnownFrames:
    """Recordings of 16 frames, in a random order."""
    names = [f"r{n:02d}" for n in range(RECORDINGS) for _ in TRUE]
    times = [step * SECOND * t for _ in range(RECORDINGS) for t in range(len(TRUE))]
    sure = np.tile(SURE, RECORDINGS)
    sure[1] = 0.6  # the first frame of the first event of r00
    blocks = np.repeat(np.arange(RECORDINGS), len(TRUE))
    columns = [np.array(times), np.tile(FOUND, RECORDINGS), sure]
    columns += [np.tile(TRUE, RECORDINGS), blocks]
    order = np.random.default_rng(0).permutation(len(names))
    found, sure, true = (np.asarray(each, float)[order] for each in columns[1:4])
    ordered = [names[row] for row in order]
    return KnownFrames(ordered, columns[0][order], found, sure, true, blocks[order])


def test_errors_of_each_kind():
    known = reference_of(frames(), SETTINGS, "splash")
    assert known.interval_s == 10
    assert len(known.found) == 3 * RECORDINGS
    assert len(known.missed) == RECORDINGS
    first, false, merged = (each for each in known.found if each.block == 0)
    # The confidence is weighted by shares: (0.02 0.6 + 2 0.02 0.9) / 0.06.
    assert first.seen == pytest.approx(Seen(30.0, 0.6, 0.02, 0.8))
    assert first[2:] == pytest.approx((1, 20.0, 0.6))
    assert false.seen == pytest.approx(Seen(10.0, 0.2, 0.02, 0.9))
    assert false[2:] == (0, 0, 0)
    # Two true events in one found: 10 s and 20 s, 0.2 and 0.8.
    assert merged.seen == pytest.approx(Seen(40.0, 1.3, 0.04, 0.9))
    assert merged[2:] == pytest.approx((2, 30.0, 1.0))
    assert [each.block for each in known.missed] == list(range(RECORDINGS))
    assert tuple(known.missed[0]) == pytest.approx((0, 10.0, 0.3))


def test_signs_of_a_block():
    known = reference_of(frames(), SETTINGS, "splash")
    # Of 16 frames, 8 are of found events; of the others, one has a share of 0.001.
    assert known.signs[3] == pytest.approx((0.9, 0.001 / 8, 0.5))
    assert known.signs[0] == pytest.approx(((0.8 + 0.9 + 0.9) / 3, 0.001 / 8, 0.5))


def test_a_recording_of_one_frame_has_no_duration():
    more = frames()
    extra = KnownFrames(
        [*more.recordings, "single"],
        *(
            np.append(column, value)
            for column, value in zip(more[1:], (5, 0.5, 0.9, 0.5, 0), strict=True)
        ),
    )
    one, other = (reference_of(each, SETTINGS, "splash") for each in (more, extra))
    assert one.found == other.found


def test_too_little_is_refused():
    few = frames().of(np.flatnonzero(frames().blocks < 4))
    with pytest.raises(ValueError, match="8 found events with a true one, in 4 blocks"):
        reference_of(few, SETTINGS, "splash")

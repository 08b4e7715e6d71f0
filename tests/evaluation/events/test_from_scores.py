from dataclasses import replace

import numpy as np
import pytest

from mmseg_splashkd.evaluation.bursts import score_bursts
from mmseg_splashkd.evaluation.events import (
    EventSettings,
    events_of_scores,
    score_events,
)
from tests.evaluation.events.series import SECOND, offline
from tests.evaluation.helpers import frame_scores

PLAIN = EventSettings(min_seconds=0, gap_seconds=0)


def random_scores(seed: int):
    """Frames of two recordings, of which some are not labelled."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, (60, 4)) * (rng.random((60, 4)) < 0.6)
    counts[:, 0] = 1000
    counts[rng.random(60) < 0.1] = 0
    seconds = np.concatenate([np.cumsum(rng.uniform(0.5, 1.5, 30)) for _ in range(2)])
    seconds[20:30] += 60
    return frame_scores(counts.tolist(), seconds.tolist(), ["a"] * 30 + ["b"] * 30)


def test_events_are_those_of_predicted_and_labelled_shares():
    for seed in range(20):
        scores = random_scores(seed)
        test = events_of_scores(scores, PLAIN)
        for column, events in ((1, test.found), (0, test.true)):
            expected = []
            for name in "ab":
                rows = np.array([r == name for r in scores.recordings])
                rows &= scores.confusion.sum((1, 2)) > 0
                tables = scores.confusion[rows]
                part = tables[:, :, 1] if column else tables[:, 1]
                shares = part.sum(1) / tables.sum((1, 2))
                times = scores.timestamps[rows]
                interval = float(np.median(np.diff(times))) / SECOND
                expected += [(name, e) for e in offline(times, shares, PLAIN, interval)]
            assert len(events) == len(expected) > 3
            for one, (name, other) in zip(events, expected, strict=True):
                assert one.recording == name
                assert one.event[:5] == other[:5]
                assert one.event[5:7] == pytest.approx(other[5:7])
                assert one.event[7:] == other[7:]


def test_hours_are_those_of_bursts_where_all_frames_are_labelled():
    scores = frame_scores([(9, 0, 0, 1)] * 5, [0, 1, 2, 50, 51])
    assert events_of_scores(scores).hours == score_bursts(scores).hours == 5 / 3600


def test_perfect_predictions_have_perfect_events():
    counts = [(90, 0, 0, 0), (90, 0, 0, 5), (90, 0, 0, 9), (90, 0, 0, 0)] * 3
    test = events_of_scores(frame_scores(counts))
    scores = score_events(*test)
    assert (scores.precision, scores.recall, scores.f1) == (1, 1, 1)
    assert len(scores.pairs) == 3
    assert not scores.onset_errors.any()
    assert not scores.area_errors.any()


def test_scores_without_labels_or_frames_with_times():
    test = events_of_scores(frame_scores([(0, 0, 0, 0)] * 3))
    assert (test.found, test.true) == ([], [])
    assert np.isnan(test.hours)
    scores = frame_scores([(1, 0, 0, 0)] * 2)
    with pytest.raises(ValueError, match="lack frame times, which events need"):
        events_of_scores(replace(scores, timestamps=np.array([-1, -1])))

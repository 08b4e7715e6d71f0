import numpy as np
import pytest

from mmseg_splashkd.evaluation.events import (
    RecordedEvent,
    event_metrics,
    match_events,
    score_events,
)
from tests.evaluation.events.series import event


def recorded(name: str, *events) -> list[RecordedEvent]:
    return [RecordedEvent(name, each) for each in events]


def by_hand():
    found = recorded(
        "a", event(1, 4, 3.0), event(10, 13, 1.0), event(20, 21), event(22, 25)
    )
    true = recorded(
        "a", event(0, 4, 2.0), event(12, 14, 2.0), event(19, 26), event(40, 41)
    )
    return score_events(found + recorded("b", event(1, 2)), true, hours=0.5)


def test_figures_by_hand():
    scores = by_hand()
    assert (scores.found, scores.true, len(scores.pairs)) == (5, 4, 3)
    assert (scores.precision, scores.recall) == (3 / 5, 3 / 4)
    assert scores.f1 == pytest.approx(2 / (5 / 3 + 4 / 3))
    assert (scores.false, scores.false_per_hour) == (1, 2)
    assert (scores.merged, scores.split) == (0, 1)
    assert scores.onset_errors.tolist() == [1, -2, 3]
    assert scores.end_errors.tolist() == [0, -1, -1]
    assert scores.duration_errors.tolist() == [-1, 1, -4]
    assert scores.area_errors.tolist() == [0.5, -0.5]


def test_metrics_by_hand():
    metrics = event_metrics(by_hand())
    expected = {
        "precision": 60,
        "recall": 75,
        "f1": 200 / 3,
        "found": 5,
        "true": 4,
        "false": 1,
        "false_per_hour": 2,
        "merged": 0,
        "split": 1,
        "onset_mean": 2 / 3,
        "onset_median": 1,
        "onset_abs_mean": 2,
        "onset_abs_median": 2,
        "end_mean": -2 / 3,
        "end_median": -1,
        "end_abs_mean": 2 / 3,
        "end_abs_median": 1,
        "duration_mean": -4 / 3,
        "duration_median": -1,
        "duration_abs_mean": 2,
        "duration_abs_median": 1,
        "area_mean": 0,
        "area_median": 0,
        "area_abs_mean": 50,
        "area_abs_median": 50,
    }
    assert metrics == pytest.approx({f"Events.{k}": v for k, v in expected.items()})


def test_undefined_figures_are_omitted():
    nothing = event_metrics(score_events([], []))
    names = ("found", "true", "false", "merged", "split")
    assert nothing == {f"Events.{name}": 0 for name in names}
    missed = event_metrics(score_events([], recorded("a", event(1, 2)), 1))
    assert missed["Events.recall"] == missed["Events.f1"] == 0
    assert missed["Events.false_per_hour"] == 0
    assert "Events.precision" not in missed
    assert "Events.onset_mean" not in missed


def test_areas_that_are_unknown_or_zero_have_no_relative_error():
    found = recorded("a", event(0, 1, 1.0), event(5, 6, 1.0), event(9, 10))
    true = recorded("a", event(0, 1), event(5, 6, 0.0), event(9, 10, 1.0))
    scores = score_events(found, true)
    assert len(scores.pairs) == 3
    assert len(scores.area_errors) == 0
    assert "Events.area_mean" not in event_metrics(scores)


def test_events_match_within_their_recording_only():
    found = recorded("a", event(0, 1)) + recorded("b", event(5, 6))
    true = recorded("a", event(5, 6)) + recorded("b", event(5, 6))
    scores = score_events(found, true)
    assert (len(scores.pairs), scores.false) == (1, 1)
    assert scores.pairs[0] == (found[1].event, true[1].event)


def random_events(rng: np.random.Generator) -> list:
    starts = rng.uniform(0, 300, 30)
    return [event(start, start + rng.uniform(0, 9)) for start in starts.tolist()]


def test_recordings_add_up():
    rng = np.random.default_rng(1)
    lists = {name: (random_events(rng), random_events(rng)) for name in "abc"}
    found, true = (
        [each for name in "cab" for each in recorded(name, *lists[name][side])]
        for side in (0, 1)
    )
    scores = score_events(found, true)
    parts = [match_events(*each) for each in lists.values()]
    assert len(scores.pairs) == sum(len(part.pairs) for part in parts) > 10
    assert scores.false == sum(len(part.false) for part in parts) > 0
    assert scores.merged == sum(len(part.merged) for part in parts) > 0
    assert scores.split == sum(len(part.split) for part in parts) > 0


def test_recordings_with_other_names_are_refused():
    with pytest.raises(ValueError, match="of 'a', true ones of 'b': give their recor"):
        score_events(recorded("a", event(0, 1)), recorded("b", event(0, 1)))
    many = [RecordedEvent(name, event(0, 1)) for name in "cdefg"]
    with pytest.raises(ValueError, match="'c', 'd', 'e' and 2 more"):
        score_events(recorded("a", event(0, 1)), many)
    with pytest.raises(ValueError, match="hours=0: give the observed time"):
        score_events([], [], hours=0)

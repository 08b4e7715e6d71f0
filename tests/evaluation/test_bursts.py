import csv

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.timestamps import parse_timestamp
from mmseg_splashkd.evaluation.bursts import burst_metrics, has_time, score_bursts
from tests.evaluation.helpers import frame_scores

CALM = (1000, 0, 0, 0)
MISSED = (980, 0, 20, 0)
HIT = (980, 0, 18, 2)  # a tenth of its true pixels
GRAZED = (980, 0, 19, 1)
FALSE = (998, 2, 0, 0)


def spans(found) -> list[tuple[int, int]]:
    return [(burst.first, burst.last) for burst in found.bursts]


def test_a_burst_is_a_run_of_frames_and_found_if_one_is_hit():
    found = score_bursts(
        frame_scores([MISSED, HIT, CALM, GRAZED, GRAZED, CALM, CALM, HIT])
    )
    assert spans(found) == [(0, 1), (3, 4), (7, 7)]
    assert [burst.latency for burst in found.bursts] == [1.0, None, 0.0]
    assert found.recall == 2 / 3
    assert found.latency == 0.5
    assert found.bursts[0].end - found.bursts[0].start == 10**9
    assert found.false == []


def test_a_share_of_a_frames_true_pixels_makes_a_hit():
    scores = frame_scores([GRAZED])
    assert score_bursts(scores, hit_share=0.1).recall == 0
    assert score_bursts(scores, hit_share=0.05).recall == 1


def test_false_bursts_are_predicted_runs_without_a_true_burst():
    found = score_bursts(
        frame_scores([FALSE, FALSE, CALM, FALSE, MISSED, CALM, HIT, FALSE, CALM])
    )
    # The run of frame 3 alone: frame 4 predicts nothing. That of 6 and 7 overlaps a
    # burst.
    assert found.false == [(0, 1), (3, 3)]
    assert found.hours == 9 / 3600
    assert found.false_per_hour == pytest.approx(2 * 3600 / 9)


def test_specks_are_no_prediction():
    scores = frame_scores([(999, 1, 0, 0), (1000, 0, 0, 0), (998, 2, 0, 0)])
    assert score_bursts(scores, min_share=0.002).false == [(2, 2)]
    assert score_bursts(scores, min_share=0.001).false == [(0, 0), (2, 2)]
    assert score_bursts(scores, min_share=0).false == [(0, 0), (2, 2)]


def test_short_gaps_are_bridged_on_request():
    scores = frame_scores([HIT, CALM, HIT, CALM, CALM, HIT])
    assert spans(score_bursts(scores)) == [(0, 0), (2, 2), (5, 5)]
    assert spans(score_bursts(scores, bridge_seconds=2)) == [(0, 2), (5, 5)]
    assert spans(score_bursts(scores, bridge_seconds=3)) == [(0, 5)]
    # What is bridged is in the burst: a predicted frame there is no false burst.
    scores = frame_scores([MISSED, FALSE, MISSED])
    assert score_bursts(scores).false == [(1, 1)]
    assert score_bursts(scores, bridge_seconds=2).false == []


def test_recordings_and_pauses_end_a_burst():
    seconds = [0, 1, 2, 3, 100, 101, 0, 1]
    names = ["a"] * 6 + ["b"] * 2
    found = score_bursts(frame_scores([HIT] * 8, seconds, names))
    assert spans(found) == [(0, 3), (4, 5), (6, 7)]
    assert [burst.recording for burst in found.bursts] == ["a", "a", "b"]
    assert found.hours == (4 + 2 + 2) / 3600


def test_frames_count_in_the_order_of_time():
    found = score_bursts(frame_scores([HIT, CALM, MISSED], [2, 0, 1]))
    (burst,) = found.bursts
    assert (burst.first, burst.last, burst.latency) == (2, 0, 1.0)


def test_undefined_scores_are_omitted():
    assert burst_metrics(score_bursts(frame_scores([CALM, CALM]))) == {
        "Bursts.false": 0,
        "Bursts.false_per_hour": 0,
    }
    assert burst_metrics(score_bursts(frame_scores([MISSED]))) == {
        "Bursts.recall": 0,
        "Bursts.false": 0,
    }
    metrics = burst_metrics(score_bursts(frame_scores([MISSED, HIT, FALSE])))
    assert metrics["Bursts.recall"] == 100
    assert metrics["Bursts.latency"] == 1
    assert metrics["Bursts.false"] == 0


def test_frames_without_time_have_no_bursts():
    assert has_time(frame_scores([HIT, HIT]))
    for seconds in ([-1e-9, 1], [1, 1]):
        scores = frame_scores([HIT, HIT], seconds)
        assert not has_time(scores)
        with pytest.raises(ValueError, match="lack frame times"):
            score_bursts(scores)
    assert has_time(frame_scores([HIT, HIT], [1, 1], ["a", "b"]))
    assert not has_time(frame_scores([]))


@pytest.mark.parametrize(
    ("name", "value"), [("hit_share", 0), ("min_share", 2), ("bridge_seconds", -1)]
)
def test_arguments_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        score_bursts(frame_scores([HIT]), **{name: value})


def test_labels_of_a_drawn_farm_hold_its_events(pond):
    paths = sorted((pond / "labels").iterdir())
    counts, seconds = [], []
    for path in paths:
        with Image.open(path) as image:
            splash = int((np.asarray(image) == 255).sum())
            counts.append((image.width * image.height - splash, 0, 0, splash))
        seconds.append(parse_timestamp(path.stem, path.stem) / 1e9)
    found = score_bursts(frame_scores(counts, seconds))
    with (pond / "events.csv").open(newline="") as file:
        events = list(csv.DictReader(file))
    assert len(events) > 2
    assert spans(found) == [
        (int(event["first_frame"]), int(event["last_frame"])) for event in events
    ]
    assert found.recall == 1
    assert found.false == []

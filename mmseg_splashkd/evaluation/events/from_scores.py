"""Events of a test: found in the predictions, true in the labels."""

from typing import NamedTuple

import numpy as np

from mmseg_splashkd.evaluation.bursts import has_time, observed_seconds, stretches
from mmseg_splashkd.evaluation.events.finder import find_events
from mmseg_splashkd.evaluation.events.settings import EventSettings
from mmseg_splashkd.evaluation.events.table import RecordedEvent
from mmseg_splashkd.evaluation.frame_scores import FrameScores


class EventsOfTest(NamedTuple):
    """Events of the frames of a test.

    Attributes:
        found: Events of the predictions.
        true: Events of the labels.
        hours: Observed time in hours, as in ``score_bursts``; NaN without it.
    """

    found: list[RecordedEvent]
    true: list[RecordedEvent]
    hours: float


def events_of_scores(
    scores: FrameScores, settings: EventSettings | None = None
) -> EventsOfTest:
    """Find the events of ``scores.focus`` in predictions and labels.

    Both are found with the same settings, in the share of the valid pixels of a frame
    that is predicted, or labelled, as the class. Frames without a valid pixel, such as
    those without a label, are left out. A pause is longer than ten median intervals of
    the recording.

    Args:
        scores: Scores of frames with times; see ``has_time``.
        settings: Thresholds and times; by default those of ``EventSettings``.

    Raises:
        ValueError: A frame has no time.
    """
    if not has_time(scores):
        raise ValueError(
            "scores lack frame times, which events need, or repeat one within a "
            "recording: test a TimeSplitDataset"
        )
    focus = scores.focus_index
    valid = scores.confusion.sum((1, 2))
    shown = np.flatnonzero(valid)
    times = scores.timestamps[shown]
    names = [scores.recordings[index] for index in shown]
    predicted = scores.confusion[shown, :, focus].sum(1) / valid[shown]
    labelled = scores.confusion[shown, focus].sum(1) / valid[shown]
    events = EventsOfTest([], [], 0.0)
    seconds = 0.0
    for rows, interval in stretches(names, times):
        seconds += observed_seconds(times, rows, interval)
        for shares, into in ((predicted, events.found), (labelled, events.true)):
            each = find_events(times[rows], shares[rows], settings, interval or None)
            into += [RecordedEvent(names[rows[0]], event) for event in each]
    return events._replace(hours=seconds / 3600 or float("nan"))

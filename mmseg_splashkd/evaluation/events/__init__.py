"""Events of splash in time: finding them in shares of frames, and scoring them."""

from mmseg_splashkd.evaluation.events.event import Event
from mmseg_splashkd.evaluation.events.finder import EventFinder, find_events
from mmseg_splashkd.evaluation.events.from_scores import EventsOfTest, events_of_scores
from mmseg_splashkd.evaluation.events.matching import Matching, match_events
from mmseg_splashkd.evaluation.events.scores import (
    EventScores,
    event_metrics,
    score_events,
)
from mmseg_splashkd.evaluation.events.settings import EventSettings
from mmseg_splashkd.evaluation.events.smoothing import ExponentialAverage
from mmseg_splashkd.evaluation.events.table import (
    RecordedEvent,
    read_events,
    write_events,
)

__all__ = [
    "Event",
    "EventFinder",
    "EventScores",
    "EventSettings",
    "EventsOfTest",
    "ExponentialAverage",
    "Matching",
    "RecordedEvent",
    "event_metrics",
    "events_of_scores",
    "find_events",
    "match_events",
    "read_events",
    "score_events",
    "write_events",
]

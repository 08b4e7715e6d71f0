"""What events were true, from found ones and the errors that a network is known for."""

from mmseg_splashkd.statistics.event_errors.corrected import (
    CorrectedDay,
    CorrectedEvent,
    Estimate,
    Totals,
    correct_day,
)
from mmseg_splashkd.statistics.event_errors.draws import Predictor
from mmseg_splashkd.statistics.event_errors.from_frames import (
    KnownFrames,
    reference_of,
    seen_event,
)
from mmseg_splashkd.statistics.event_errors.other_camera import Unlike, unlike
from mmseg_splashkd.statistics.event_errors.reference import (
    EventReference,
    Known,
    Missed,
    Seen,
    Signs,
)

__all__ = [
    "CorrectedDay",
    "CorrectedEvent",
    "Estimate",
    "EventReference",
    "Known",
    "KnownFrames",
    "Missed",
    "Predictor",
    "Seen",
    "Signs",
    "Totals",
    "Unlike",
    "correct_day",
    "reference_of",
    "seen_event",
    "unlike",
]

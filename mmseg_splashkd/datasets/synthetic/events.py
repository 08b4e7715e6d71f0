"""Splash events of a synthetic video: their schedule and their ground truth."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mmseg_splashkd.datasets.synthetic.pond_scene import SplashEvent

SPLASH_SHARE = 0.017  # share of all pixels of the video
SLOT_FRAMES = 10  # one splash event and the calm frames before it


class EventRow(NamedTuple):
    """One splash event: a row of ``events.csv``.

    Attributes:
        event: Number of the event, as in column ``burst`` of the table of frames.
        recording: Name of the recording.
        start: Time of the first frame, ``<10-digit seconds>-<9-digit nanoseconds>``.
        end: Time of the last frame.
        first_frame: Row of the first frame in the table of frames, from 0.
        last_frame: Row of the last frame.
        frames: Number of frames.
        peak_share: Largest share of a frame's pixels that is splash, in [0, 1].
        mean_share: Mean share over the frames of the event, in [0, 1].
    """

    event: int
    recording: str
    start: str
    end: str
    first_frame: int
    last_frame: int
    frames: int
    peak_share: str
    mean_share: str


def find_events(
    recording: str,
    stamps: Sequence[str],
    numbers: Sequence[int | None],
    shares: Sequence[float],
) -> list[EventRow]:
    """The splash events of one recording in time order.

    Args:
        recording: Name of the recording.
        stamps: Time stamp of each frame.
        numbers: Number of the event in each frame, None in a calm frame; the frames of
            an event are consecutive.
        shares: Share of each frame's pixels that foam covers, in [0, 1].
    """
    events = []
    for number in sorted({event for event in numbers if event is not None}):
        rows = [i for i, event in enumerate(numbers) if event == number]
        first, last = rows[0], rows[-1]
        areas = [shares[i] for i in rows]
        peak, mean = f"{max(areas):.6f}", f"{sum(areas) / len(areas):.6f}"
        span = (stamps[first], stamps[last], first, last, len(rows))
        events.append(EventRow(number, recording, *span, peak, mean))
    return events


def schedule_events(frames: int, rng: np.random.Generator) -> list[SplashEvent | None]:
    """Schedule the splash events; none crosses the boundaries of a 7:2:1 time split.

    Args:
        frames: Number of frames.
        rng: Random generator of onsets and sizes.

    Returns:
        The event of each frame, None for a calm frame.
    """
    moments: list[SplashEvent | None] = [None] * frames
    parts = np.split(np.arange(frames), [frames * 7 // 10, frames * 9 // 10])
    slots = [s for p in parts for s in np.array_split(p, max(2, len(p) // SLOT_FRAMES))]
    for number, slot in enumerate(slots, 1):
        active = max(1, len(slot) // 2)
        first = slot[-1] + 1 - active - rng.integers(max(1, len(slot) - active))
        strength = rng.uniform(0.7, 1.3)
        for i in range(active):
            age = (i + 0.5) / active
            share = strength * age**0.5 * (1 - age) ** 0.8  # grows fast, decays slowly
            moments[first + i] = SplashEvent(number, age, share)
    scale = SPLASH_SHARE * frames / sum(e.share for e in moments if e)
    return [e and replace(e, share=e.share * scale) for e in moments]

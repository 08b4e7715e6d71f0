"""Splash events: when bursts are drawn, and their start, end and area for the truth."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mmseg_splashkd.datasets.synthetic.pond_scene import Burst

SPLASH_SHARE = 0.017  # of all pixels of the video
SLOT_FRAMES = 10  # one burst and the calm around it


class Event(NamedTuple):
    """One burst: a row of ``events.csv``."""

    event: int  # the burst's number in the table of frames
    recording: str
    start: str  # <10-digit seconds>-<9-digit nanoseconds> of the first frame
    end: str  # of the last frame
    first_frame: int  # row in the table of frames, from 0
    last_frame: int
    frames: int
    peak_share: str  # of the pixels of a frame
    mean_share: str  # over the frames of the event


def find_events(
    recording: str,
    stamps: Sequence[str],
    bursts: Sequence[int | None],
    shares: Sequence[float],
) -> list[Event]:
    """The bursts of one recording in time order.

    Args:
        recording: Its name.
        stamps: Time stamp of each frame.
        bursts: Number of the burst in each frame, None in a calm one; a burst is one
            run of frames.
        shares: Share of each frame's pixels that foam covers, in [0, 1].
    """
    events = []
    for number in sorted({burst for burst in bursts if burst is not None}):
        rows = [i for i, burst in enumerate(bursts) if burst == number]
        first, last = rows[0], rows[-1]
        areas = [shares[i] for i in rows]
        peak, mean = f"{max(areas):.6f}", f"{sum(areas) / len(areas):.6f}"
        span = (stamps[first], stamps[last], first, last, len(rows))
        events.append(Event(number, recording, *span, peak, mean))
    return events


def schedule_bursts(frames: int, rng: np.random.Generator) -> list[Burst | None]:
    """One burst or none for each frame; no burst crosses a cut of 7:2:1 in time."""
    moments: list[Burst | None] = [None] * frames
    parts = np.split(np.arange(frames), [frames * 7 // 10, frames * 9 // 10])
    slots = [s for p in parts for s in np.array_split(p, max(2, len(p) // SLOT_FRAMES))]
    for number, slot in enumerate(slots, 1):
        active = max(1, len(slot) // 2)
        first = slot[-1] + 1 - active - rng.integers(max(1, len(slot) - active))
        strength = rng.uniform(0.7, 1.3)
        for i in range(active):
            age = (i + 0.5) / active
            share = strength * age**0.5 * (1 - age) ** 0.8  # grows fast, decays slowly
            moments[first + i] = Burst(number, age, share)
    scale = SPLASH_SHARE * frames / sum(b.share for b in moments if b)
    return [b and replace(b, share=b.share * scale) for b in moments]

"""Splash as events: which bursts were found, how fast, and how often there was none.

Pixel scores weigh a burst by its area. What a farm asks is whether each was noticed.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mmseg_splashkd.datasets.checks.tracks import GAP_INTERVALS
from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.evaluation.frame_scores import FrameScores

HIT_SHARE = 0.1
MIN_SHARE = 0.001


class Burst(NamedTuple):
    """A run of frames that show the class; times are UNIX nanoseconds.

    Attributes:
        recording: The video.
        first: Index of its first frame.
        last: Index of its last frame.
        start: Time of the first frame.
        end: Time of the last frame.
        latency: Seconds from the first frame to the first hit; None if there is none.
    """

    recording: str
    first: int
    last: int
    start: int
    end: int
    latency: float | None

    @property
    def found(self) -> bool:
        """Whether any of its frames is hit."""
        return self.latency is not None


class BurstScores(NamedTuple):
    """Bursts of the truth, predicted runs beside them, and how long was watched.

    Attributes:
        bursts: Those of the truth, in time order within each recording.
        false: First and last frame of each predicted run that no burst overlaps.
        hours: How long the frames watch.
    """

    bursts: list[Burst]
    false: list[tuple[int, int]]
    hours: float

    @property
    def recall(self) -> float:
        """Share of the bursts that were found, in [0, 1]; NaN of none."""
        return _mean([float(burst.found) for burst in self.bursts])

    @property
    def latency(self) -> float:
        """Mean seconds until a burst was found, of those that were; NaN of none."""
        return _mean([b.latency for b in self.bursts if b.latency is not None])

    @property
    def false_per_hour(self) -> float:
        """False bursts in an hour of watching; NaN where nothing was watched."""
        return len(self.false) / self.hours if self.hours else float("nan")


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def has_time(scores: FrameScores) -> bool:
    """Whether every frame tells its time, and none its recording's twice."""
    if not len(scores) or (scores.timestamps < 0).any():
        return False
    pairs = set(zip(scores.recordings, scores.timestamps.tolist(), strict=True))
    return len(pairs) == len(scores)


def score_bursts(
    scores: FrameScores,
    hit_share: float = HIT_SHARE,
    min_share: float = MIN_SHARE,
    bridge_seconds: float = 0.0,
) -> BurstScores:
    """Find the bursts of ``scores.focus`` in truth and prediction, and match them.

    A burst is a maximal run of frames of a recording with true pixels of the class. A
    run ends at a frame without, unless the next frame with comes at most
    ``bridge_seconds`` after the last one, and where the recording pauses (more than ten
    times its median interval). It is found if in any of its frames ``hit_share`` of the
    true pixels are predicted. A predicted run is made likewise of frames where at least
    ``min_share`` of the counted pixels are predicted; it is false if no frame from its
    first to its last lies within a burst.

    A frame watches until the next one; the last before a pause for a median interval.

    Args:
        scores: Of frames that tell their time; see ``has_time``.
        hit_share: In (0, 1].
        min_share: In [0, 1]; a frame with no predicted pixel is in no run.
        bridge_seconds: 0 or more.

    Raises:
        ValueError: A frame does not tell its time, or an argument is out of its range.
    """
    _check(scores, hit_share, min_share, bridge_seconds)
    focus = scores.focus_index
    true = scores.confusion[:, focus].sum(1)
    predicted = scores.confusion[:, :, focus].sum(1)
    hits = scores.confusion[:, focus, focus]
    shows = true > 0
    noticed = shows & (hits >= hit_share * true)
    counted = scores.confusion.sum((1, 2))
    claims = (predicted > 0) & (predicted >= min_share * counted)
    found = BurstScores([], [], 0.0)
    seconds = 0.0
    for rows, interval in _stretches(scores):
        seconds += _span(scores, rows) + interval
        in_burst = np.zeros(len(scores), bool)
        for run in _runs(scores, rows[shows[rows]], rows, bridge_seconds):
            found.bursts.append(_burst(scores, run, noticed))
            in_burst[run] = True
        for run in _runs(scores, rows[claims[rows]], rows, bridge_seconds):
            if not in_burst[run].any():
                found.false.append((int(run[0]), int(run[-1])))
    return found._replace(hours=seconds / 3600)


def burst_metrics(found: BurstScores) -> dict[str, float]:
    """What is told beside pixel scores; a figure that does not exist is left out.

    Returns:
        ``Bursts.recall`` in percent, ``Bursts.latency`` in seconds, ``Bursts.false``
        and ``Bursts.false_per_hour``.
    """
    figures = {
        "Bursts.recall": 100 * found.recall,
        "Bursts.latency": found.latency,
        "Bursts.false": float(len(found.false)),
        "Bursts.false_per_hour": found.false_per_hour,
    }
    return {name: value for name, value in figures.items() if not np.isnan(value)}


def _check(
    scores: FrameScores, hit_share: float, min_share: float, bridge_seconds: float
) -> None:
    if not has_time(scores):
        raise ValueError(
            "scores do not tell each frame's time, without which there are no bursts: "
            "test a TimeSplitDataset"
        )
    for name, good, need in (
        ("hit_share", 0 < hit_share <= 1, "in (0, 1]"),
        ("min_share", 0 <= min_share <= 1, "in [0, 1]"),
        ("bridge_seconds", bridge_seconds >= 0, "0 or more"),
    ):
        if not good:
            raise ValueError(f"{name} must be {need}")


def _stretches(scores: FrameScores) -> Iterator[tuple[np.ndarray, float]]:
    """Indices of frames in time order without a pause, and their interval in seconds.

    A recording of one frame has no interval: 0.
    """
    names = np.array(scores.recordings)
    for name in dict.fromkeys(scores.recordings):
        rows = np.flatnonzero(names == name)
        rows = rows[np.argsort(scores.timestamps[rows])]
        steps = np.diff(scores.timestamps[rows])
        interval = float(np.median(steps)) if len(steps) else 0.0
        pauses = 1 + np.flatnonzero(steps > GAP_INTERVALS * interval)
        for stretch in np.split(rows, pauses):
            yield stretch, interval / SECOND


def _span(scores: FrameScores, rows: np.ndarray) -> float:
    """Seconds from the first to the last of some frames."""
    return float(scores.timestamps[rows[-1]] - scores.timestamps[rows[0]]) / SECOND


def _runs(
    scores: FrameScores, marked: np.ndarray, rows: np.ndarray, bridge_seconds: float
) -> Iterator[np.ndarray]:
    """Runs of marked frames, with the frames that are bridged."""
    places = np.flatnonzero(np.isin(rows, marked))
    if not len(places):
        return
    steps = np.diff(scores.timestamps[rows[places]])
    apart = (np.diff(places) > 1) & (steps > bridge_seconds * SECOND)
    for run in np.split(places, 1 + np.flatnonzero(apart)):
        yield rows[run[0] : run[-1] + 1]


def _burst(scores: FrameScores, run: np.ndarray, noticed: np.ndarray) -> Burst:
    hits = run[noticed[run]]
    start, end = (int(scores.timestamps[index]) for index in (run[0], run[-1]))
    latency = None
    if len(hits):
        latency = (int(scores.timestamps[hits[0]]) - start) / SECOND
    place = scores.recordings[int(run[0])], int(run[0]), int(run[-1])
    return Burst(*place, start, end, latency)

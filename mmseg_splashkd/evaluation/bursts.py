"""Event-level scores of splash: recall and latency of bursts, and false bursts.

Pixel scores weight a burst by its area; these count each burst once.
"""

from collections.abc import Iterator, Sequence
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
        recording: Name of the video.
        first: Index of its first frame.
        last: Index of its last frame.
        start: Time of the first frame.
        end: Time of the last frame.
        latency: Seconds from the first frame to the first hit; None without a hit.
    """

    recording: str
    first: int
    last: int
    start: int
    end: int
    latency: float | None

    @property
    def found(self) -> bool:
        """Whether any of its frames is a hit."""
        return self.latency is not None


class BurstScores(NamedTuple):
    """True bursts, false bursts and the observed time.

    Attributes:
        bursts: Bursts of the labels, in time order within each recording.
        false: Index of the first and last frame of each predicted run of frames that no
            burst overlaps.
        hours: Observed time in hours.
    """

    bursts: list[Burst]
    false: list[tuple[int, int]]
    hours: float

    @property
    def recall(self) -> float:
        """Fraction of the bursts that were found, in [0, 1]; NaN without bursts."""
        return _mean([float(burst.found) for burst in self.bursts])

    @property
    def latency(self) -> float:
        """Mean latency of the found bursts in seconds; NaN if none was found."""
        return _mean([b.latency for b in self.bursts if b.latency is not None])

    @property
    def false_per_hour(self) -> float:
        """False bursts per observed hour; NaN without observed time."""
        return len(self.false) / self.hours if self.hours else float("nan")


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def has_time(scores: FrameScores) -> bool:
    """Whether all frames have times that are unique within their recordings."""
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
    """Find and match the bursts of ``scores.focus`` in labels and predictions.

    A burst is a maximal run of frames of a recording with true pixels of the class. A
    run ends at a frame without such pixels, unless the next frame with such pixels
    follows the last one within ``bridge_seconds``, and at a pause of the recording
    (more than ten times its median interval). It is found if in any of its frames at
    least ``hit_share`` of the true pixels are predicted. A predicted run consists of
    frames where at least ``min_share`` of the valid pixels are predicted; it is false
    if none of its frames, bridged ones included, lies in a burst.

    A frame is observed until the next one, the last before a pause for one median
    interval.

    Args:
        scores: Scores of frames with times; see ``has_time``.
        hit_share: Minimum fraction of the true pixels of a frame that are predicted,
            for a hit; in (0, 1], default 0.1.
        min_share: Minimum fraction of the valid pixels that are predicted, for a frame
            of a predicted run; in [0, 1], default 0.001. A frame without predicted
            pixels is in no predicted run.
        bridge_seconds: Longest gap within a run, in seconds, >= 0; default 0.

    Raises:
        ValueError: A frame has no time, or an argument is out of its range.
    """
    _check(scores, hit_share, min_share, bridge_seconds)
    focus = scores.focus_index
    true = scores.confusion[:, focus].sum(1)
    predicted = scores.confusion[:, :, focus].sum(1)
    hits = scores.confusion[:, focus, focus]
    shows = true > 0
    is_hit = shows & (hits >= hit_share * true)
    valid = scores.confusion.sum((1, 2))
    claims = (predicted > 0) & (predicted >= min_share * valid)
    found = BurstScores([], [], 0.0)
    seconds = 0.0
    for rows, interval in stretches(scores.recordings, scores.timestamps):
        seconds += observed_seconds(scores.timestamps, rows, interval)
        in_burst = np.zeros(len(scores), bool)
        for run in _runs(scores, rows[shows[rows]], rows, bridge_seconds):
            found.bursts.append(_burst(scores, run, is_hit))
            in_burst[run] = True
        for run in _runs(scores, rows[claims[rows]], rows, bridge_seconds):
            if not in_burst[run].any():
                found.false.append((int(run[0]), int(run[-1])))
    return found._replace(hours=seconds / 3600)


def burst_metrics(found: BurstScores) -> dict[str, float]:
    """Burst scores as metrics; undefined ones are omitted.

    Returns:
        ``Bursts.recall`` in percent, ``Bursts.latency`` in seconds, ``Bursts.false``
        (number) and ``Bursts.false_per_hour``.
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
            "scores lack frame times, which bursts need, or repeat one within a "
            "recording: test a TimeSplitDataset"
        )
    for name, valid, need in (
        ("hit_share", 0 < hit_share <= 1, "in (0, 1]"),
        ("min_share", 0 <= min_share <= 1, "in [0, 1]"),
        ("bridge_seconds", bridge_seconds >= 0, "0 or more"),
    ):
        if not valid:
            raise ValueError(f"{name} must be {need}")


def stretches(
    recordings: Sequence[str], timestamps: np.ndarray
) -> Iterator[tuple[np.ndarray, float]]:
    """Indices of frames in time order without a pause, and their interval in seconds.

    The interval of a recording with one frame is 0.

    Args:
        recordings: N names of the recordings of the frames.
        timestamps: (N,) UNIX time in nanoseconds.
    """
    names = np.array(recordings)
    for name in dict.fromkeys(recordings):
        rows = np.flatnonzero(names == name)
        rows = rows[np.argsort(timestamps[rows])]
        steps = np.diff(timestamps[rows])
        interval = float(np.median(steps)) if len(steps) else 0.0
        pauses = 1 + np.flatnonzero(steps > GAP_INTERVALS * interval)
        for stretch in np.split(rows, pauses):
            yield stretch, interval / SECOND


def observed_seconds(
    timestamps: np.ndarray, rows: np.ndarray, interval: float
) -> float:
    """Seconds that frames without a pause were observed, the last for one interval.

    Args:
        timestamps: (N,) UNIX time in nanoseconds.
        rows: Indices of the frames, in time order, of ``stretches``.
        interval: Interval of the recording in seconds.
    """
    return float(timestamps[rows[-1]] - timestamps[rows[0]]) / SECOND + interval


def _runs(
    scores: FrameScores, marked: np.ndarray, rows: np.ndarray, bridge_seconds: float
) -> Iterator[np.ndarray]:
    """Runs of marked frames, including the bridged frames."""
    places = np.flatnonzero(np.isin(rows, marked))
    if not len(places):
        return
    steps = np.diff(scores.timestamps[rows[places]])
    apart = (np.diff(places) > 1) & (steps > bridge_seconds * SECOND)
    for run in np.split(places, 1 + np.flatnonzero(apart)):
        yield rows[run[0] : run[-1] + 1]


def _burst(scores: FrameScores, run: np.ndarray, is_hit: np.ndarray) -> Burst:
    hits = run[is_hit[run]]
    start, end = (int(scores.timestamps[index]) for index in (run[0], run[-1]))
    latency = None
    if len(hits):
        latency = (int(scores.timestamps[hits[0]]) - start) / SECOND
    place = scores.recordings[int(run[0])], int(run[0]), int(run[-1])
    return Burst(*place, start, end, latency)

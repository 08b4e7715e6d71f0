"""Share of the focus class in each frame, over time where it is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from mmseg_splashkd.datasets.checks.tracks import GAP_INTERVALS
from mmseg_splashkd.datasets.timestamps import to_utc
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.figures import (
    NEUTRAL,
    grid,
    line,
    svg_figure,
    time_labels,
)
from mmseg_splashkd.statistics.arms import frame_keys

RECORDINGS = 8  # drawn
TICKS = 7


@dataclass(frozen=True)
class Recording:
    """The N frames of one recording in time order, without time in that of the data.

    Args:
        name: Name of the recording.
        times: (N,) UNIX time in nanoseconds, or -1.
        truth: (N,) share of the focus class in the counted pixels, percent.
        predicted: For each arm, (N,) predicted share in percent, mean over runs; NaN
            where an arm has no scores of a frame.
    """

    name: str
    times: np.ndarray
    truth: np.ndarray
    predicted: tuple[np.ndarray, ...]

    @property
    def timed(self) -> bool:
        """Whether all frames have a time."""
        return bool((self.times >= 0).all())


def recordings_of(arms: Sequence[ArmRuns]) -> list[Recording]:
    """Shares of the focus class in each frame that the first arm was tested on."""
    shares = [_shares(arm) for arm in arms]
    times = {
        key: int(time)
        for scores in arms[0].arm.runs.values()
        for key, time in zip(frame_keys(scores), scores.timestamps, strict=True)
    }
    recordings = []
    for name in dict.fromkeys(recording for recording, _ in times):
        keys = [key for key in times if key[0] == name]
        keys.sort(key=lambda key: times[key])
        missing = np.nan, np.nan
        rows = [[share.get(key, missing) for key in keys] for share in shares]
        table = np.array(rows)  # (A, N, 2)
        recordings.append(
            Recording(
                name=name,
                times=np.array([times[key] for key in keys]),
                truth=table[0, :, 0],
                predicted=tuple(table[:, :, 1]),
            )
        )
    return recordings


def _shares(arm: ArmRuns) -> dict[tuple, tuple[float, float]]:
    """Frame -> true and predicted share of the focus class in percent."""
    by_frame: dict[tuple, list[tuple[float, float]]] = {}
    for scores in arm.arm.runs.values():
        focus = scores.focus_index
        counted = np.maximum(scores.confusion.sum((1, 2)), 1)
        true = 100 * scores.confusion[:, focus].sum(1) / counted
        predicted = 100 * scores.confusion[:, :, focus].sum(1) / counted
        for key, *share in zip(frame_keys(scores), true, predicted, strict=True):
            by_frame.setdefault(key, []).append((share[0], share[1]))
    return {key: tuple(np.mean(shares, 0)) for key, shares in by_frame.items()}


def share_over_time(recording: Recording) -> Markup:
    """Draw a recording: the truth as an area, each arm as a line.

    Frames are drawn at equal distances in time order; lines break at a pause of the
    recording (more than ten times its median interval), marked by a dotted line.
    Frames without time are drawn as points, since what lies between them is unknown.
    """
    with svg_figure((11, 2.7), recording.name) as drawn:
        axes = drawn.axes
        for stretch in _stretches(recording.times):
            # All frames are equally wide, also one alone between two pauses.
            edges = np.stack([stretch - 0.5, stretch + 0.5], 1).ravel()
            truth = np.repeat(recording.truth[stretch], 2)
            axes.fill_between(edges, 0, truth, color=NEUTRAL, alpha=0.32, linewidth=0)
            marker = "." if len(stretch) == 1 or not recording.timed else ""
            for index, predicted in enumerate(recording.predicted):
                style = {"linewidth": 1.5, "marker": marker, **line(index)}
                if not recording.timed:
                    style |= {"linestyle": "none", "markersize": 7}
                axes.plot(stretch, predicted[stretch], **style)
            if stretch[0]:
                place = stretch[0] - 0.5
                axes.axvline(place, color=NEUTRAL, linestyle=(0, (1, 2)), linewidth=1)
        _label(axes, recording)
    return drawn.svg


def _stretches(times: np.ndarray) -> list[np.ndarray]:
    """Indices of frames between pauses."""
    steps = np.diff(times)
    if not len(steps) or (times < 0).any():  # without time, there is no pause
        return [np.arange(len(times))]
    pauses = 1 + np.flatnonzero(steps > GAP_INTERVALS * np.median(steps))
    return np.split(np.arange(len(times)), pauses)


def _label(axes: Axes, recording: Recording) -> None:
    count = len(recording.times)
    places = np.unique(np.linspace(0, count - 1, min(TICKS, count)).round().astype(int))
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(bottom=0)
    axes.margins(y=0.05)
    grid(axes)
    axes.set_ylabel("% of pixels")
    if not recording.timed:
        axes.set_xlabel("frames in the order of the data set, without time")
        return
    moments = [to_utc(int(recording.times[place])) for place in places]
    axes.set_xticks(places, time_labels(moments))
    axes.set_xlabel(f"frames in time order, UTC, from {moments[0]:%Y-%m-%d}")

"""How much of each frame is splash: truth and predictions along time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmseg_splashkd.datasets.checks.tracks import GAP_INTERVALS
from mmseg_splashkd.datasets.timestamps import utc
from mmseg_splashkd.report.curves import (
    NEUTRAL,
    STYLE,
    dash_pattern,
    line_style,
    to_svg,
)
from mmseg_splashkd.report.experiments.arms import ArmRuns
from mmseg_splashkd.statistics.arms import frame_keys

RECORDINGS = 8  # drawn
TICKS = 7


@dataclass(frozen=True)
class Recording:
    """Frames of one recording in the order of time, N of them.

    Args:
        name: Of the recording.
        times: (N,) nanoseconds, or -1.
        truth: (N,) percent of the counted pixels that are of the class.
        found: Of each arm, (N,) percent that was taken for it, mean over runs; NaN
            where an arm has no count of a frame.
    """

    name: str
    times: np.ndarray
    truth: np.ndarray
    found: tuple[np.ndarray, ...]


def recordings_of(arms: Sequence[ArmRuns]) -> list[Recording]:
    """Shares of the class in each frame that the first arm was tested on."""
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
        nothing = np.nan, np.nan
        rows = [[share.get(key, nothing) for key in keys] for share in shares]
        table = np.array(rows)  # (A, N, 2)
        recordings.append(
            Recording(
                name=name,
                times=np.array([times[key] for key in keys]),
                truth=table[0, :, 0],
                found=tuple(table[:, :, 1]),
            )
        )
    return recordings


def _shares(arm: ArmRuns) -> dict[tuple, tuple[float, float]]:
    """Frame -> percent of its pixels that are, and that are taken for, the class."""
    told: dict[tuple, list[tuple[float, float]]] = {}
    for scores in arm.arm.runs.values():
        focus = scores.focus_index
        counted = np.maximum(scores.confusion.sum((1, 2)), 1)
        true = 100 * scores.confusion[:, focus].sum(1) / counted
        found = 100 * scores.confusion[:, :, focus].sum(1) / counted
        for key, *share in zip(frame_keys(scores), true, found, strict=True):
            told.setdefault(key, []).append((share[0], share[1]))
    return {key: tuple(np.mean(shares, 0)) for key, shares in told.items()}


def share_over_time(recording: Recording) -> Markup:
    """Draw a recording: the truth as an area, each arm as a line.

    Frames stand side by side in the order of time; where the recording pauses (more
    than ten times its median interval), lines break and a dotted line stands.
    """
    with mpl.rc_context(STYLE), mpl.rc_context({"svg.hashsalt": recording.name}):
        figure = Figure(figsize=(11, 2.7), layout="constrained")
        axes = figure.add_subplot()
        for stretch in _stretches(recording.times):
            _draw_truth(axes, stretch, recording.truth)
            for index, found in enumerate(recording.found):
                _draw_found(axes, stretch, found, index)
            if stretch[0]:
                place = stretch[0] - 0.5
                axes.axvline(place, color=NEUTRAL, linestyle=(0, (1, 2)), linewidth=1)
        _label(axes, recording)
        return Markup(to_svg(figure))


def _draw_truth(axes: Axes, stretch: np.ndarray, truth: np.ndarray) -> None:
    # Each frame is as wide as any other, alone in its stretch or not.
    edges = np.stack([stretch - 0.5, stretch + 0.5], 1).ravel()
    height = np.repeat(truth[stretch], 2)
    axes.fill_between(edges, 0, height, color=NEUTRAL, alpha=0.32, linewidth=0)


def _draw_found(axes: Axes, stretch: np.ndarray, found: np.ndarray, index: int) -> None:
    color, dashes = line_style(index)
    axes.plot(
        stretch,
        found[stretch],
        color=color,
        linestyle=dash_pattern(dashes),
        linewidth=1.5,
        marker="." if len(stretch) == 1 else "",
    )


def _stretches(times: np.ndarray) -> list[np.ndarray]:
    """Indices of frames between pauses."""
    steps = np.diff(times)
    if not len(steps) or (times < 0).any():
        return [np.arange(len(times))]
    pauses = 1 + np.flatnonzero(steps > GAP_INTERVALS * np.median(steps))
    return np.split(np.arange(len(times)), pauses)


def _label(axes: Axes, recording: Recording) -> None:
    count = len(recording.times)
    places = np.unique(np.linspace(0, count - 1, min(TICKS, count)).round().astype(int))
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(bottom=0)
    axes.margins(y=0.05)
    axes.grid(axis="y", color=NEUTRAL, alpha=0.25, linewidth=0.8)
    axes.set_ylabel("% of pixels")
    if (recording.times < 0).any():
        axes.set_xlabel("frame")
        return
    moments = [utc(int(recording.times[place])) for place in places]
    axes.set_xticks(places, _time_labels(moments))
    axes.set_xlabel(f"frames in the order of time, UTC, from {moments[0]:%Y-%m-%d}")


def _time_labels(moments: Sequence[datetime]) -> list[str]:
    one_day = moments[0].date() == moments[-1].date()
    return [
        f"{moment:%H:%M:%S}" if one_day else f"{moment:%m-%d %H:%M}"
        for moment in moments
    ]

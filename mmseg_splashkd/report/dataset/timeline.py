"""Frames along time: a lane a recording, a colour a part, the splash, the pauses."""

from collections.abc import Collection, Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from mmseg_splashkd.datasets.checks import Parts, gaps, tracks
from mmseg_splashkd.datasets.checks.tracks import Track
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.report.curves import COLORS, NEUTRAL, STYLE, to_svg

MARKS = {"error": "#e5484d", "warning": "#d99a00"}
LANES = 40  # more would be too thin to read
TICK, HEIGHT, MARK = 0.12, 0.68, 0.78  # of a lane, below and above its line


def colour_of(part: str, parts: Collection[str]) -> str:
    """The colour of a part."""
    return COLORS[[*parts].index(part) % len(COLORS)]


def timeline(parts: Parts, marks: Mapping[str, Collection[str]]) -> str:
    """Draw when each frame was taken, and how much of it is splash.

    Args:
        parts: Name -> frames.
        marks: ``'error'`` and ``'warning'`` -> paths of frames to mark.

    Returns:
        An ``<svg>`` element with transparent background, empty without frames; many
        frames do not make it large.
    """
    lanes = tracks(parts)[:LANES]
    if not lanes:
        return ""
    scale = HEIGHT / _full_height([f for lane in lanes for f in lane.frames])
    with mpl.rc_context(STYLE), mpl.rc_context({"svg.hashsalt": "timeline"}):
        figure = Figure((11, 0.9 + 0.75 * len(lanes)), dpi=160, layout="constrained")
        axes = figure.add_subplot()
        for row, lane in enumerate(lanes):
            _draw_lane(axes, -row, lane, parts, scale)
            _mark(axes, -row, lane, marks)
        _label(axes, lanes)
        return to_svg(figure)


def _full_height(frames: Sequence[Frame]) -> float:
    """The share drawn as high as a lane: a wrong label shall not dwarf the others."""
    shares = [frame.splash_share for frame in frames if frame.splash_share]
    return float(np.quantile(shares, 0.95)) if shares else 1.0


def _dates(nanoseconds: np.ndarray) -> np.ndarray:
    return (nanoseconds // 1000).astype("datetime64[us]")


def _draw_lane(
    axes: Axes, base: float, lane: Track, parts: Parts, scale: float
) -> None:
    dates = _dates(lane.times)
    shares = np.array([frame.splash_share or 0 for frame in lane.frames])
    for part in parts:
        here = lane.parts == part
        top = base + np.minimum(scale * shares[here], HEIGHT)
        axes.vlines(
            dates[here],
            base - TICK,
            top,
            colors=colour_of(part, parts),
            linewidth=1,
            rasterized=True,
        )
    for gap in gaps(lane):
        ends = _dates(np.array([gap.start, gap.end]))
        axes.fill_between(
            ends,
            base - TICK,
            base + HEIGHT,
            facecolor="none",
            edgecolor=NEUTRAL,
            hatch="////",
            alpha=0.35,
            linewidth=0,
        )
    axes.axhline(base, color=NEUTRAL, alpha=0.4, linewidth=0.6)


def _mark(
    axes: Axes, base: float, lane: Track, marks: Mapping[str, Collection[str]]
) -> None:
    for level, paths in marks.items():
        marked = np.array([frame.image in paths for frame in lane.frames])
        dates = _dates(lane.times[marked])
        heights = np.full(len(dates), base + MARK)
        style = {"color": MARKS[level], "marker": "v", "markersize": 5}
        axes.plot(dates, heights, linestyle="none", rasterized=True, **style)


def _label(axes: Axes, lanes: list[Track]) -> None:
    axes.set_yticks([-row for row in range(len(lanes))])
    axes.set_yticklabels([_short(lane.recording) for lane in lanes])
    axes.set_ylim(-len(lanes) + 1 - 2 * TICK, 1 - TICK)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    locator = AutoDateLocator(tz="UTC")
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz="UTC"))


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:11]}...{name[-10:]}"

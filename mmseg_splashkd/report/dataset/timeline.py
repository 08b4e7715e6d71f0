"""Timeline of a data set: one lane per recording, one colour per part."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from mmseg_splashkd.datasets.checks import Parts, gaps, tracks
from mmseg_splashkd.datasets.checks.tracks import Track
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.report.figures import COLORS, NEUTRAL, svg_figure

MARKS = {"error": "#e5484d", "warning": "#d99a00"}
LANES = 40  # recordings; more lanes are too thin to read
TICK, HEIGHT, MARK = 0.12, 0.68, 0.78  # lane heights below and above its line


def color_of(part: str, parts: Collection[str]) -> str:
    """CSS colour of a part among all parts."""
    return COLORS[[*parts].index(part) % len(COLORS)]


def timeline(parts: Parts, marks: Mapping[str, Collection[str]]) -> Markup:
    """Draw the time of each frame and its share of the focus class.

    Args:
        parts: Name -> frames; those without time are not drawn.
        marks: ``'error'`` and ``'warning'`` -> paths of frames to mark.

    Returns:
        An ``<svg>`` element with transparent background, whose size hardly depends on
        the number of frames; empty without frames.
    """
    lanes = tracks(parts)[:LANES]
    if not lanes:
        return Markup("")
    scale = HEIGHT / _full_height([f for lane in lanes for f in lane.frames])
    with svg_figure((11, 0.9 + 0.75 * len(lanes)), "timeline") as drawn:
        for row, lane in enumerate(lanes):
            _draw_lane(drawn.axes, -row, lane, parts, scale)
            _mark(drawn.axes, MARK - row, lane, marks)
        _label(drawn.axes, lanes)
    return drawn.svg


def _full_height(frames: Sequence[Frame]) -> float:
    """Share that fills a lane: the 95 % quantile, so that outliers do not set it."""
    shares = [frame.splash_share for frame in frames if frame.splash_share]
    return float(np.quantile(shares, 0.95)) if shares else 1.0


def _dates(nanoseconds: np.ndarray) -> np.ndarray:
    return (nanoseconds // 1000).astype("datetime64[us]")


def _draw_lane(
    axes: Axes, base: float, lane: Track, parts: Parts, scale: float
) -> None:
    dates, low, high = _dates(lane.times), base - TICK, base + HEIGHT
    shares = np.array([frame.splash_share or 0 for frame in lane.frames])
    for part in parts:
        in_part, color = lane.parts == part, color_of(part, parts)
        top = base + np.minimum(scale * shares[in_part], HEIGHT)
        axes.vlines(dates[in_part], low, top, color, linewidth=1, rasterized=True)
    hatched: dict[str, Any] = {"facecolor": "none", "hatch": "////", "linewidth": 0}
    for gap in gaps(lane):
        ends = _dates(np.array([gap.start, gap.end]))
        axes.fill_between(ends, low, high, edgecolor=NEUTRAL, alpha=0.35, **hatched)
    axes.axhline(base, color=NEUTRAL, alpha=0.4, linewidth=0.6)


def _mark(
    axes: Axes, height: float, lane: Track, marks: Mapping[str, Collection[str]]
) -> None:
    for level, paths in marks.items():
        dates = _dates(lane.times[[frame.image in paths for frame in lane.frames]])
        style = {"color": MARKS[level], "markersize": 5, "rasterized": True}
        axes.plot(dates, np.full(len(dates), height), "v", **style)


def _label(axes: Axes, lanes: list[Track]) -> None:
    names = [lane.recording for lane in lanes]
    short = [n if len(n) <= 24 else f"{n[:11]}...{n[-10:]}" for n in names]
    axes.set_yticks([-row for row in range(len(lanes))], short)
    axes.set_ylim(-len(lanes) + 1 - 2 * TICK, 1 - TICK)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    locator = AutoDateLocator(tz="UTC")
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz="UTC"))
